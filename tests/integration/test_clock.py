"""A clock that is a day ahead or behind, in one worker or, until it was corrected, everywhere."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt
from celery import current_app
from django.db import models
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from hub import clock
from hub.accounts.login_throttle import delete_expired_attempts
from hub.content.runs import refresh_runs
from hub.github.source import configured_source
from hub.models import (
    Category,
    Change,
    Exporter,
    GitHubToken,
    RefreshRun,
    RunStatus,
    RunTrigger,
    ServedContents,
    ServedState,
    Snapshot,
)
from hub.runs import schedule
from hub.runs.schedule import HOUSEKEEPING_TASK
from hub.templatetags.exporters import relative
from tests.common.processes import Process, worker
from tests.common.waiting import wait_until
from tests.conftest import Hub

DAY = timedelta(days=1)
STEPS = [
    "tasks.refresh.list_directories",
    "tasks.refresh.lookup_directory",
    "tasks.refresh.publish_contents",
]


def get(path: str) -> Any:
    return Client().get(path).json()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture(params=[DAY, -DAY], ids=["ahead", "behind"])
def skewed(hub: Hub, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Process]:
    """A worker whose clock is wrong, beside the hub's own workers."""
    hub.add_token()
    hub.fill("Redis/Redis_alert.yaml")
    hub.refresh()
    (tmp_path / "clock").write_text(str(request.param.total_seconds()))
    process = worker("skewed")
    process.command = ("tests.faults.clocked", str(tmp_path / "clock"), *process.command)
    process.start()
    process.wait_for_output("first run: not needed")
    yield process
    process.stop()


def test_a_worker_with_a_wrong_clock_does_its_work(hub: Hub, skewed: Process) -> None:
    def has_done(task: str) -> bool:
        return any(
            f"Task {task}[" in line and "succeeded" in line for line in skewed.output().splitlines()
        )

    number = 0
    while not all(map(has_done, STEPS)):
        number += 1
        hub.fill(*(f"Exporter_{number}_{i}/Exporter_alert.yaml" for i in range(8)))
        before = timezone.now()
        run = hub.refresh()
        assert (run.status, run.failed) == (RunStatus.PUBLISHED, 0)
        assert 0 <= run.seconds <= 60
        served = get("/api/v1/contents")
        assert served["state"] == "fresh"
        as_of = at(served["as_of"]) + timedelta(seconds=1)  # in whole seconds
        assert before <= as_of <= timezone.now() + timedelta(seconds=1)
        assert all(change.at <= timezone.now() for change in Change.objects.all())
        fresh_until = ServedContents.objects.get().fresh_until
        assert timedelta(hours=2) <= fresh_until - before <= timedelta(hours=2.5)


def test_housekeeping_with_a_wrong_clock_ends_and_deletes_nothing(
    hub: Hub, skewed: Process
) -> None:
    AccessAttempt.objects.create(username="a", ip_address="192.0.2.1", failures_since_start=1)
    open_run = RefreshRun.objects.create(
        source="another source",
        trigger=RunTrigger.COMMAND,
        deadline=timezone.now() + timedelta(minutes=15),
    )
    try:
        before = skewed.output().count(f"Task {HOUSEKEEPING_TASK}[")
        wait_until(
            lambda: (
                current_app.send_task(HOUSEKEEPING_TASK)
                and skewed.output().count(f"Task {HOUSEKEEPING_TASK}[") > before + 1
                and "succeeded" in skewed.output().partition(f"Task {HOUSEKEEPING_TASK}[")[2]
            ),
            "housekeeping by the worker with the wrong clock",
        )
        open_run.refresh_from_db()
        assert open_run.is_open
        assert AccessAttempt.objects.exists()
    finally:
        RefreshRun.objects.filter(pk=open_run.pk).update(
            status=RunStatus.FAILED, finished_at=timezone.now()
        )


def put_ahead(*rows: type[models.Model]) -> None:
    """Add a day to all times of events, as if the clock had been ahead when they were stored."""
    for model in rows:
        names = [f.name for f in model._meta.fields if isinstance(f, models.DateTimeField)]
        model._base_manager.update(**{name: models.F(name) + DAY for name in names})


@pytest.fixture
def corrected(hub: Hub) -> Hub:
    """A hub whose clock was a day ahead during its last run, and is right now."""
    hub.add_token()
    hub.fill("Redis/Redis_alert.yaml")
    Exporter.objects.create(
        slug="redis",
        title="Redis",
        repository="https://github.com/o/redis_exporter",
        category=Category.objects.create(name="Databases"),
    )
    hub.refresh()
    hub.fill("Redis/Redis_dashboard.json")
    assert hub.refresh().status == RunStatus.PUBLISHED
    put_ahead(ServedContents, RefreshRun, Snapshot, Change, Exporter, GitHubToken, PeriodicTask)
    return hub


def test_readers_get_no_time_of_tomorrow(corrected: Hub) -> None:
    def assert_past(text: str) -> None:
        assert at(text) <= timezone.now()

    served = get("/api/v1/contents")
    # How old it is is not known.
    assert (served["state"], served["reason"], served["as_of"]) == ("stale", "overdue", None)
    status = get("/api/v1/status")
    assert (status["as_of"], status["age_seconds"]) == (None, None)
    assert_past(status["last_run"]["started_at"])
    assert_past(status["last_run"]["finished_at"])
    assert at(status["next_refresh"]) <= timezone.now() + timedelta(hours=1)
    changes = get("/api/v1/changes")["changes"]
    assert changes
    for change in changes:
        assert_past(change["at"])
    tomorrow = f"{timezone.now() + DAY:%Y-%m-%d}"
    for page in ("/", "/status", "/changes.atom", "/exporters/redis", "/sitemap.xml", "/llms.txt"):
        body = Client().get(page).content.decode()
        assert tomorrow not in body, page
        assert "hours from now" not in body, page
        assert "day from now" not in body, page


def test_the_next_run_repairs_the_map(corrected: Hub) -> None:
    before = timezone.now() - timedelta(seconds=1)  # the map has whole seconds
    assert corrected.refresh().status == RunStatus.UNCHANGED
    served = get("/api/v1/contents")
    assert served["state"] == "fresh"
    assert before <= at(served["as_of"]) <= timezone.now()
    assert ServedContents.objects.get().fresh_until < timezone.now() + timedelta(hours=3)


def test_a_map_that_was_stale_keeps_its_reason(corrected: Hub) -> None:
    ServedContents.objects.update(state=ServedState.STALE, reason="no_token", fresh_until=None)
    served = get("/api/v1/contents")
    assert (served["reason"], served["as_of"]) == ("no_token", None)


@pytest.mark.parametrize("field", ["blocked_until", "core_reset_at"])
def test_a_token_does_not_wait_until_tomorrow(hub: Hub, field: str) -> None:
    token = hub.add_token()
    hub.fill("Redis/Redis_alert.yaml")
    exhausted = {"core_limit": 5000, "core_remaining": 0, "core_reset_at": timezone.now()}
    tomorrow = exhausted | {field: timezone.now() + DAY}
    GitHubToken.objects.filter(pk=token.pk).update(**tomorrow)
    assert "requests resume" not in Client().get("/status").content.decode()
    assert hub.refresh().status == RunStatus.PUBLISHED
    # A wait that GitHub can have asked for is observed.
    token.refresh_from_db()
    values = {"core_remaining": 0, field: token.core_reset_at}
    GitHubToken.objects.filter(pk=token.pk).update(**values)
    assert hub.refresh().status == RunStatus.FAILED


def test_a_run_that_started_in_the_future_is_resent_and_closed_in_time(hub: Hub) -> None:
    hub.add_token()
    hub.fill("Redis/Redis_alert.yaml")
    tomorrow = timezone.now() + DAY
    run = RefreshRun.objects.create(
        source=configured_source().key,
        trigger=RunTrigger.COMMAND,
        started_at=tomorrow,
        progress_at=tomorrow,
        deadline=tomorrow + timedelta(minutes=15),
    )
    refresh_runs.housekeeping()
    run.refresh_from_db()
    assert run.deadline <= timezone.now() + timedelta(minutes=15)
    wait_until(
        lambda: RefreshRun.objects.filter(pk=run.pk, finished_at__isnull=False).exists(),
        "the run to end",
    )


@pytest.mark.django_db
def test_a_failed_sign_in_of_tomorrow_does_not_lock_out() -> None:
    for distance in (DAY, timedelta(0), -DAY):
        attempt = {"username": str(distance), "ip_address": "::", "failures_since_start": 1}
        AccessAttempt.objects.create(**attempt)
        AccessAttempt.objects.filter(**attempt).update(attempt_time=timezone.now() + distance)
    delete_expired_attempts()
    assert [attempt.username for attempt in AccessAttempt.objects.all()] == ["0:00:00"]


@pytest.mark.django_db
def test_beat_is_not_on_time_because_of_a_future_time() -> None:
    PeriodicTask.objects.update(last_run_at=timezone.now() + DAY)
    plan = schedule.schedule_status(clock.now())
    assert plan.late_by < timedelta(seconds=5)
    assert plan.next_tick is not None
    assert plan.next_tick <= clock.now() + timedelta(hours=1)


def test_pages_use_the_time_of_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    for correction in (DAY, -DAY, timedelta(0)):
        monkeypatch.setattr(clock, "_correction", correction)
        assert relative(clock.now() - timedelta(minutes=5)).replace("\xa0", " ") == "5 minutes ago"
