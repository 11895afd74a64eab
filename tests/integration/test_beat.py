"""The schedule, and beat's scheduler: beside another one, with a wrong clock, without Postgres."""

import signal
import time
from datetime import timedelta
from typing import Any

import pytest
from celery.beat import SchedulingError, event_t
from django.db import connection
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler
from prometheus_client import REGISTRY

from config.celery import app
from hub.ops.beat_scheduler import HubScheduleEntry, HubScheduler
from hub.ops.local.ports import free_port
from tests.common.processes import Process
from tests.common.waiting import wait_until

_DAY = timedelta(days=1)
_HOUSEKEEPING = "tasks.housekeeping.housekeeping"


@pytest.mark.django_db
def test_every_entry_of_the_schedule_names_a_registered_task() -> None:
    app.loader.import_default_modules()
    entries = PeriodicTask.objects.exclude(task__startswith="celery.")
    assert entries.count() == 3
    for entry in entries:
        assert entry.task in app.tasks
        assert entry.expire_seconds == entry.schedule.run_every.total_seconds()


def test_every_route_names_a_registered_task() -> None:
    app.loader.import_default_modules()
    assert app.conf.task_routes
    assert app.conf.task_routes.keys() <= app.tasks.keys()


@pytest.mark.django_db
def test_a_task_whose_last_run_is_in_the_future_is_due_at_once() -> None:
    task = PeriodicTask.objects.get(task="tasks.housekeeping.housekeeping")
    task.last_run_at = timezone.now() + _DAY
    entry = HubScheduleEntry(task, app=app)
    assert entry.is_due() == (True, entry.schedule.run_every.total_seconds())
    assert not next(entry).is_due().is_due
    task.enabled, task.last_run_at = False, timezone.now() + _DAY
    assert not HubScheduleEntry(task, app=app).is_due().is_due


@pytest.mark.django_db(transaction=True)  # the scheduler closes connections
def test_the_queue_is_rebuilt_after_the_clock_was_set_back() -> None:
    PeriodicTask.objects.update(last_run_at=timezone.now())  # nothing is due
    scheduler = HubScheduler(app)
    scheduler.tick()
    planned = [event.time for event in scheduler._heap]
    tomorrow = time.time() + _DAY.total_seconds()
    scheduler._heap = [event_t(tomorrow, 5, event.entry) for event in scheduler._heap]
    scheduler._last_tick = tomorrow
    scheduler.tick()
    assert [event.time for event in scheduler._heap] == pytest.approx(planned, abs=60)


class RecordingScheduler(HubScheduler):
    """A scheduler that records the names of the tasks that it sends."""

    def __init__(self) -> None:
        super().__init__(app)
        self.sent: list[str] = []

    def apply_async(self, entry: Any, **_: Any) -> None:
        self.sent.append(entry.task)

    def send_all_that_is_due(self) -> list[str]:
        """Tick until nothing is due; return what was sent."""
        self.sent = []
        while self.tick() == 0:
            pass
        return [task for task in self.sent if task == _HOUSEKEEPING]


def _make_due() -> None:
    now = timezone.now()
    PeriodicTask.objects.update(last_run_at=now)
    PeriodicTask.objects.filter(task=_HOUSEKEEPING).update(last_run_at=now - timedelta(minutes=1))


@pytest.mark.django_db(transaction=True)
def test_two_beats_send_the_task_of_a_tick_once() -> None:
    _make_due()
    one, two = RecordingScheduler(), RecordingScheduler()
    assert one.schedule.keys() == two.schedule.keys()  # both read it before the tick
    assert (one.send_all_that_is_due(), two.send_all_that_is_due()) == ([_HOUSEKEEPING], [])
    # The second one has read when the first one sent it, so it is not behind at the next tick.
    planned = {event.entry.task: event.time for event in two._heap}
    assert planned[_HOUSEKEEPING] > time.time()
    two.sync()
    _make_due()
    two._initial_read, two._heap = True, None
    assert (two.send_all_that_is_due(), one.send_all_that_is_due()) == ([_HOUSEKEEPING], [])


@pytest.mark.django_db(transaction=True)
def test_a_tick_is_stored_before_its_task_is_sent() -> None:
    _make_due()
    before = timezone.now()
    assert RecordingScheduler().send_all_that_is_due() == [_HOUSEKEEPING]
    task = PeriodicTask.objects.get(task=_HOUSEKEEPING)
    assert task.last_run_at is not None
    assert (task.last_run_at >= before, task.total_run_count) == (True, 1)
    assert RecordingScheduler().send_all_that_is_due() == []  # after a restart


@pytest.mark.django_db(transaction=True)
def test_only_a_task_that_was_sent_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def sent() -> float:
        name = "exporterhub_scheduled_tasks_sent_total"
        return REGISTRY.get_sample_value(name, {"task": _HOUSEKEEPING}) or 0.0

    def broker_away(*_: object, **__: object) -> None:
        raise SchedulingError

    before = sent()
    for act, counted in ((broker_away, 0), (lambda *_, **__: None, 1)):
        _make_due()
        monkeypatch.setattr(DatabaseScheduler, "apply_async", act)
        scheduler = HubScheduler(app)
        while scheduler.tick() == 0:
            pass
        assert sent() == before + counted


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_never_ran_is_sent_once() -> None:
    PeriodicTask.objects.update(last_run_at=None, date_changed=timezone.now() - _DAY)
    one, two = RecordingScheduler(), RecordingScheduler()
    assert one.schedule.keys() == two.schedule.keys()
    assert (one.send_all_that_is_due(), two.send_all_that_is_due()) == ([_HOUSEKEEPING], [])


@pytest.mark.django_db(transaction=True)
def test_the_schedule_is_read_once_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    _make_due()
    connection.close()
    scheduler = RecordingScheduler()  # needs no Postgres
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "PORT", str(free_port()))
        assert [scheduler.tick() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert scheduler.send_all_that_is_due() == [_HOUSEKEEPING]
    with connection.cursor() as cursor:  # as in a database that is not migrated
        cursor.execute("ALTER TABLE django_celery_beat_periodictask RENAME TO missing")
        try:
            scheduler._initial_read, scheduler._heap = True, None
            assert scheduler.tick() == 1
        finally:
            cursor.execute("ALTER TABLE missing RENAME TO django_celery_beat_periodictask")
    _make_due()
    assert scheduler.send_all_that_is_due() == [_HOUSEKEEPING]


@pytest.mark.django_db(transaction=True)
def test_a_beat_without_postgres_logs_a_line_for_each_attempt_and_stops_at_once() -> None:
    away = f"postgres://127.0.0.1:{free_port()}/hub"
    beat = Process(
        *("celery", "--app=config", "beat", "--pidfile=", "--loglevel=INFO"),
        env={"DATABASE_URL": away},
    )
    beat.start()
    try:
        beat.wait_for_output("Cannot read the schedule, trying again in 2 s")
        assert "Traceback" not in beat.output()
        lines = [line for line in beat.output().splitlines() if "Connection refused" in line]
        assert len(lines) == 2
        beat.kill(signal.SIGTERM)
        wait_until(lambda: not beat.running, "beat to stop")
    finally:
        beat.stop()
