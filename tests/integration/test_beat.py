"""The schedule, and beat's scheduler after the clock was set back by a day."""

import time
from datetime import timedelta

import pytest
from celery.beat import event_t
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from config.celery import app
from hub.ops.beat_scheduler import ClockTolerantEntry, ClockTolerantScheduler

_DAY = timedelta(days=1)


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
    entry = ClockTolerantEntry(task, app=app)
    assert entry.is_due() == (True, entry.schedule.run_every.total_seconds())
    assert not next(entry).is_due().is_due
    task.enabled, task.last_run_at = False, timezone.now() + _DAY
    assert not ClockTolerantEntry(task, app=app).is_due().is_due


@pytest.mark.django_db(transaction=True)  # the scheduler closes connections
def test_the_queue_is_rebuilt_after_the_clock_was_set_back() -> None:
    PeriodicTask.objects.update(last_run_at=timezone.now())  # nothing is due
    scheduler = ClockTolerantScheduler(app)
    scheduler.tick()
    planned = [event.time for event in scheduler._heap]
    tomorrow = time.time() + _DAY.total_seconds()
    scheduler._heap = [event_t(tomorrow, 5, event.entry) for event in scheduler._heap]
    scheduler._last_tick = tomorrow
    scheduler.tick()
    assert [event.time for event in scheduler._heap] == pytest.approx(planned, abs=60)
