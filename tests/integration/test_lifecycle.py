"""Tests of runs whose message, worker or code fails between two steps."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from config.celery import app
from hub.content.refresh import list_directories, lookup
from hub.content.runs import refresh_runs, start_refresh
from hub.facts import runs as facts
from hub.facts.runs import facts_runs
from hub.models import (
    Category,
    Exporter,
    FactsLookup,
    Lookup,
    Outcome,
    Reason,
    RefreshRun,
    RunStatus,
    RunTrigger,
    TreeListing,
)
from hub.models.contents import directories_of
from tasks.housekeeping import housekeeping
from tests.common.waiting import wait_until
from tests.conftest import Hub

THREE = ("Redis", "Kafka", "MySQL")
LATER = timedelta(minutes=1)  # longer than a run may be silent


@pytest.fixture
def listed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> RefreshRun:
    """Return a run whose worker died after storing the listing and before sending the lookups."""
    hub.add_token()
    hub.fill(*(f"{name}/alert.yaml" for name in THREE))
    with monkeypatch.context() as nothing_is_sent:
        nothing_is_sent.setattr(refresh_runs, "_send_start", lambda *_: None)
        nothing_is_sent.setattr(refresh_runs, "send_lookups", lambda _: None)
        run = start_refresh(RunTrigger.COMMAND).run
        list_directories.list_and_compare(run.pk)
    assert lookups_of(run) == dict.fromkeys(THREE, Outcome.PENDING)
    return run


def lookups_of(run: RefreshRun) -> dict[str, str]:
    return dict(Lookup.objects.filter(run=run).values_list("directory", "outcome"))


def ended(run: RefreshRun) -> RefreshRun:
    found: RefreshRun = wait_until(
        RefreshRun.objects.filter(pk=run.pk, finished_at__isnull=False).first, f"{run} to end"
    )
    return found


def go_silent(run: RefreshRun) -> None:
    """Let the run look as if nothing had happened for a while."""
    RefreshRun.objects.filter(pk=run.pk).update(progress_at=run.started_at - LATER)
    Lookup.objects.filter(run=run).update(finished_at=run.started_at - LATER)


def test_a_listing_is_stored_before_anything_is_looked_up(listed: RefreshRun) -> None:
    listed.refresh_from_db()
    assert listed.status == RunStatus.LOOKING_UP
    assert listed.listed_at
    stored = TreeListing.objects.get(pk=listed.contents_sha)
    assert directories_of(stored.entries).keys() == set(THREE)
    refresh_runs.fail(listed.pk, Reason.INTERNAL, "the test ends")


@pytest.mark.parametrize("done", [0, 1, 3])
def test_a_redelivered_listing_sends_the_pending_lookups(
    listed: RefreshRun, hub: Hub, done: int
) -> None:
    for name in THREE[:done]:
        lookup.look_up_directory(listed.pk, name)
    hub.github.requests.clear()
    app.send_task("tasks.refresh.list_directories", args=[listed.pk])
    assert ended(listed).status == RunStatus.PUBLISHED
    assert lookups_of(listed) == dict.fromkeys(THREE, Outcome.FOUND)
    # a tree and a file each; the branch is not listed again
    assert len(hub.github.requests) == 2 * (3 - done)


def test_housekeeping_publishes_a_run_whose_body_was_lost(listed: RefreshRun) -> None:
    for name in THREE:
        lookup.look_up_directory(listed.pk, name)
    refresh_runs.housekeeping()
    listed.refresh_from_db()
    assert listed.is_open, "its message may still be on its way"
    go_silent(listed)
    housekeeping()
    assert ended(listed).status == RunStatus.PUBLISHED
    assert Client().get("/api/v1/contents").json()["state"] == "fresh"


def test_lookups_that_redis_has_lost_are_sent_again(listed: RefreshRun) -> None:
    lookup.look_up_directory(listed.pk, "Redis")
    go_silent(listed)
    refresh_runs.housekeeping()
    assert ended(listed).status == RunStatus.PUBLISHED
    assert lookups_of(listed) == dict.fromkeys(THREE, Outcome.FOUND)


def test_a_listing_whose_worker_died_is_sent_again(listed: RefreshRun) -> None:
    Lookup.objects.filter(run=listed).delete()
    RefreshRun.objects.filter(pk=listed.pk).update(status=RunStatus.LISTING)
    go_silent(listed)
    refresh_runs.housekeeping()
    assert ended(listed).status == RunStatus.PUBLISHED
    assert lookups_of(listed) == dict.fromkeys(THREE, Outcome.FOUND)


def test_lookups_that_wait_in_their_queue_are_not_sent_again(
    listed: RefreshRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost while workers wait for the request budget, however long."""
    monkeypatch.setitem(refresh_runs_queue(), "queue", "nobody listens")
    with app.connection_for_write() as connection:
        queue = connection.SimpleQueue("nobody listens")
        queue.put({})
        go_silent(listed)
        refresh_runs.housekeeping()
        assert queue.qsize() == 1
        queue.clear()
    assert set(lookups_of(listed).values()) == {Outcome.PENDING}
    refresh_runs.fail(listed.pk, Reason.INTERNAL, "the test ends")


def refresh_runs_queue() -> dict[str, str]:
    queue: dict[str, str] = app.conf.task_routes[refresh_runs.tasks.lookup]
    return queue


def test_housekeeping_waits_for_a_run_that_makes_progress(listed: RefreshRun) -> None:
    go_silent(listed)
    lookup.look_up_directory(listed.pk, "Redis")
    refresh_runs.housekeeping()
    listed.refresh_from_db()
    assert listed.is_open
    assert set(lookups_of(listed).values()) == {Outcome.FOUND, Outcome.PENDING}
    RefreshRun.objects.filter(pk=listed.pk).update(deadline=timezone.now())
    refresh_runs.housekeeping()  # after the deadline it publishes the completed lookups
    assert ended(listed).status == RunStatus.PUBLISHED
    stale = Client().get("/api/v1/contents").json()["stale"]
    assert {name: entry["reason"] for name, entry in stale.items()} == {
        "Kafka": Reason.DEADLINE,
        "MySQL": Reason.DEADLINE,
    }


def test_a_facts_run_whose_body_was_lost_is_finished(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = Exporter.objects.create(
        slug="redis",
        title="Redis",
        repository="https://github.com/oliver006/redis_exporter",
        category=Category.objects.create(name="Database"),
    )
    hub.add_token()
    with monkeypatch.context() as nothing_is_sent:
        nothing_is_sent.setattr(facts_runs, "_send_start", lambda *_: None)
        nothing_is_sent.setattr(facts_runs, "send_lookups", lambda _: None)
        run, created = facts.start_facts_run(RunTrigger.COMMAND)
        facts.begin_facts_run(run.pk)
    assert created
    FactsLookup.objects.filter(run=run, exporter=exporter).update(outcome=Outcome.FOUND)
    type(run).objects.update(progress_at=run.started_at - LATER)
    housekeeping()
    wait_until(lambda: not type(run).objects.get(pk=run.pk).is_open, "the facts run to end")
    assert type(run).objects.get(pk=run.pk).status == RunStatus.UNCHANGED


@pytest.mark.parametrize("step", ["_list", "_store"])
def test_an_internal_error_in_the_listing_ends_the_run(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault of the hub")

    hub.add_token()
    hub.fill("Redis/alert.yaml")
    monkeypatch.setattr(list_directories, step, broken)
    monkeypatch.setattr(refresh_runs, "_send_start", lambda *_: None)
    run = start_refresh(RunTrigger.COMMAND).run
    with pytest.raises(RuntimeError):
        list_directories.list_and_compare(run.pk)
    run.refresh_from_db()
    assert (run.status, run.reason, run.detail) == (
        RunStatus.FAILED,
        Reason.INTERNAL,
        "RuntimeError",
    )
    assert Client().get("/api/v1/contents").json()["reason"] == Reason.INTERNAL


def test_an_internal_error_in_a_lookup_fails_only_that_directory(
    listed: RefreshRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("a fault of the hub")

    with monkeypatch.context() as faulty:
        faulty.setattr(lookup.DirectoryLookup, "learn", broken)
        returned = lookup.look_up_directory(listed.pk, "Redis")
    assert returned == {"directory": "Redis", "outcome": "failed", "reason": "internal"}
    app.send_task("tasks.refresh.list_directories", args=[listed.pk])
    assert ended(listed).status == RunStatus.PUBLISHED
    assert Client().get("/api/v1/contents").json()["stale"].keys() == {"Redis"}


def test_a_lookup_whose_outcome_could_not_be_stored_stays_pending(
    listed: RefreshRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first query fails, because the connection to Postgres is lost."""

    def gone(*_: Any, **__: Any) -> None:
        raise OperationalError("the connection is lost")

    with monkeypatch.context() as faulty:
        faulty.setattr(refresh_runs, "_all_lookups", type("Gone", (), {"filter": gone})())
        with pytest.raises(OperationalError):
            lookup.look_up_directory(listed.pk, "Redis")
    assert lookups_of(listed)["Redis"] == Outcome.PENDING
    app.send_task("tasks.refresh.list_directories", args=[listed.pk])
    ended(listed)


def test_an_ended_run_does_no_more_lookups(listed: RefreshRun, hub: Hub) -> None:
    refresh_runs.fail(listed.pk, Reason.DEADLINE, "closed")
    hub.github.requests.clear()
    assert lookup.look_up_directory(listed.pk, "Redis")["reason"] == Reason.DEADLINE
    app.send_task("tasks.refresh.list_directories", args=[listed.pk])
    app.send_task("tasks.refresh.publish_contents", args=[[], listed.pk]).forget()
    assert hub.refresh().status == RunStatus.PUBLISHED
    assert lookups_of(listed) == dict.fromkeys(THREE, Outcome.PENDING)
    assert RefreshRun.objects.get(pk=listed.pk).status == RunStatus.FAILED


class PanicException(BaseException):
    """The exception of a native library that panics, which is no `Exception`."""


def test_a_panic_of_a_native_library_ends_the_lookup(listed: RefreshRun) -> None:
    def panic(_: object) -> None:
        raise PanicException

    for name in THREE:
        refresh_runs.look_up(listed.pk, name, panic)  # type: ignore[arg-type]
    assert set(lookups_of(listed).values()) == {Outcome.FAILED}
    refresh_runs.fail(listed.pk, Reason.INTERNAL, "the test ends")
