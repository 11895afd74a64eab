"""Concurrent triggers start one run; a change that comes too late for it starts another one."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from hub.content.refresh import list_directories
from hub.content.runs import Started, refresh_runs, start_refresh
from hub.github.source import configured_source
from hub.models import GitHubToken, RefreshRun, RunStatus, RunTrigger
from hub.ops.local.ports import free_port
from tests.common.processes import ROOT, database_url
from tests.common.waiting import wait_until
from tests.conftest import TOKEN, Hub

ROUNDS = 50
# A process that reads commands from stdin: start a run, request a follow-up run, or end the open
# run. It prints the run's number and the result.
TRIGGER = textwrap.dedent(
    """
    import os, sys, django
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    from django.db import transaction
    from hub.content.runs import refresh_runs, start_refresh
    from hub.models import RefreshRun
    refresh_runs._send_start = lambda *_: None  # no worker gets the run, so it stays open
    print("ready", flush=True)
    for line in sys.stdin:
        if line == "end\\n":
            start_refresh("schedule")  # takes as long as the other process's first step
            with transaction.atomic():
                run = RefreshRun.objects.open().select_for_update().get()
                refresh_runs.end(run, "failed")
            print(run.pk, flush=True)
        else:
            started = start_refresh("webhook", follow_up=line == "follow\\n")
            print(started.run.pk, started.created, started.will_follow, flush=True)
    """
)


@contextmanager
def two_processes() -> Iterator[list[subprocess.Popen[str]]]:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TRIGGER],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database_url()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        yield processes
    finally:
        for process in processes:
            process.stdin.close()
            process.wait(10)


def at_once(processes: list[subprocess.Popen[str]], *commands: str) -> list[list[str]]:
    """Send a command to each process at the same time and return their output."""
    for process, command in zip(processes, commands, strict=True):
        process.stdin.write(f"{command}\n")
    for process in processes:
        process.stdin.flush()
    return [process.stdout.readline().split() for process in processes]


def open_run(status: RunStatus, **fields: object) -> RefreshRun:
    """Create an open run without sending it to a worker."""
    return RefreshRun.objects.create(
        source=configured_source().key,
        trigger=RunTrigger.COMMAND,
        status=status,
        deadline=timezone.now() + timedelta(minutes=5),
        **fields,
    )


def end(run: RefreshRun, status: RunStatus = RunStatus.FAILED) -> None:
    with transaction.atomic():
        refresh_runs.end(refresh_runs.locked(run.pk), status)


def close(run: RefreshRun) -> None:
    """Mark the run as finished, without side effects."""
    RefreshRun.objects.filter(pk=run.pk).update(status=RunStatus.FAILED, finished_at=timezone.now())


def a_lock_is_waited_for() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])


def test_two_processes_fifty_times(hub: Hub) -> None:
    with two_processes() as processes:
        for _ in range(ROUNDS):
            answers = at_once(processes, "begin", "begin")
            assert answers[0][0] == answers[1][0]
            assert sorted(answer[1] for answer in answers) == ["False", "True"]
            close(RefreshRun.objects.open().get())
    assert RefreshRun.objects.count() == ROUNDS


def test_a_change_at_the_end_of_a_run_starts_one_run_fifty_times(hub: Hub) -> None:
    """The change is recorded in the ending run, or starts a run itself: one new run in any case."""
    with two_processes() as processes:
        for _ in range(ROUNDS):
            ending = open_run(RunStatus.LOOKING_UP)
            (number, created, will_follow), (ended,) = at_once(processes, "follow", "end")
            assert int(ended) == ending.pk
            following = RefreshRun.objects.open().get()
            assert following.pk > ending.pk
            assert following.trigger == RunTrigger.WEBHOOK
            if will_follow == "True":
                assert (int(number), created) == (ending.pk, "False")
            else:
                # The change started the run itself, after the end of the other run.
                assert (int(number), created) == (following.pk, "True")
            close(following)
    assert RefreshRun.objects.count() == 2 * ROUNDS


@pytest.mark.parametrize(
    ("status", "chosen", "follows"),
    [
        (RunStatus.QUEUED, None, False),
        (RunStatus.QUEUED, ["Redis"], True),  # this run does not update other directories
        (RunStatus.LISTING, None, True),
        (RunStatus.LOOKING_UP, None, True),
    ],
)
def test_only_a_run_that_lists_later_sees_the_change(
    hub: Hub, status: RunStatus, chosen: list[str] | None, follows: bool
) -> None:
    run = open_run(status, chosen=chosen)
    for _ in range(3):
        started = start_refresh(RunTrigger.WEBHOOK, follow_up=True)
        assert started == Started(run, created=False, will_follow=follows)
    start_refresh(RunTrigger.TOKEN, follow_up=True)
    run.refresh_from_db()
    assert run.follow_up == (RunTrigger.WEBHOOK if follows else "")
    end(run)
    wait_until(lambda: not RefreshRun.objects.open().exists(), "the following run to end")
    following = list(RefreshRun.objects.filter(pk__gt=run.pk))
    assert [(after.trigger, after.chosen) for after in following] == (
        [(RunTrigger.WEBHOOK, None)] if follows else []
    )


def test_other_triggers_join_without_more(hub: Hub) -> None:
    run = open_run(RunStatus.LISTING)
    assert start_refresh(RunTrigger.SCHEDULE) == Started(run, created=False)
    end(run)
    assert RefreshRun.objects.count() == 1


def test_the_listing_waits_until_a_change_is_recorded(hub: Hub) -> None:
    """A queued run that a change has joined lists after the change, never before."""
    run = open_run(RunStatus.QUEUED)
    with transaction.atomic():
        assert not start_refresh(RunTrigger.WEBHOOK, follow_up=True).will_follow
        refresh_runs._send_start(run.pk)
        wait_until(a_lock_is_waited_for, "the listing to wait")
        assert RefreshRun.objects.get(pk=run.pk).status == RunStatus.QUEUED
    wait_until(lambda: not RefreshRun.objects.open().exists(), "the run to end")


def test_a_token_that_is_added_while_a_run_ends_without_token(hub: Hub) -> None:
    hub.fill("Redis/alert.yaml")
    run = open_run(RunStatus.LISTING)
    GitHubToken.objects.create(name="new", secret=TOKEN)
    end(run, RunStatus.NO_TOKEN)
    wait_until(lambda: not RefreshRun.objects.open().exists(), "the following run to end")
    following = RefreshRun.objects.get(pk__gt=run.pk)
    assert (following.trigger, following.status) == (RunTrigger.TOKEN, RunStatus.PUBLISHED)


def test_an_end_that_is_rolled_back_starts_no_run(hub: Hub) -> None:
    run = open_run(RunStatus.LOOKING_UP, follow_up=RunTrigger.WEBHOOK)
    with transaction.atomic():
        end(run)
        assert RefreshRun.objects.count() == 2
        transaction.set_rollback(True)
    assert RefreshRun.objects.get().is_open
    with pytest.raises(TransactionManagementError):
        refresh_runs.locked(run.pk)
    close(run)


def test_a_second_delivery_of_the_listing_never_takes_a_run_back(hub: Hub) -> None:
    run = open_run(RunStatus.LOOKING_UP)
    assert list_directories._start_listing(run.pk) is None
    run.refresh_from_db()
    assert run.status == RunStatus.LOOKING_UP
    close(run)


def test_a_run_that_starts_while_redis_is_down_is_sent_by_housekeeping(hub: Hub) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "refresh", "--no-wait"],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": database_url(),
            "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        },
        check=True,
    )
    run = RefreshRun.objects.get()
    assert run.status == RunStatus.QUEUED
    RefreshRun.objects.update(progress_at=run.started_at - timedelta(minutes=1))
    refresh_runs.housekeeping()
    wait_until(lambda: not RefreshRun.objects.open().exists(), "the run to end")
