"""A worker's connections to Postgres: kept from task to task, and replaced when they are broken."""

from collections.abc import Iterator

import pytest
from django.db import connection

from config.celery import app
from hub.models import RefreshRun
from hub.runs.schedule import HOUSEKEEPING_TASK
from tests.common.processes import Process, database_url, worker
from tests.common.waiting import wait_until
from tests.conftest import Hub

NAME = "one-thread"  # of the worker, of its queue, and of its connections


@pytest.fixture
def one_thread(hub: Hub) -> Iterator[Process]:
    """A worker with one thread and a queue of its own."""
    url = f"{database_url()}?application_name={NAME}"
    process = worker(NAME, concurrency=1, env={"DATABASE_URL": url})
    process.start()
    process.wait_for_output("first run:")
    wait_until(lambda: not RefreshRun.objects.open().exists(), "its first run to end")
    app.control.add_consumer(NAME, destination=[f"{NAME}@tests"], reply=True, timeout=10)
    yield process
    process.stop()


def backends() -> set[int]:
    """The pids of Postgres' backends that serve the worker."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", [NAME])
        return {pid for (pid,) in cursor.fetchall()}


def run_a_task(process: Process) -> None:
    """Run one task that uses Postgres, and wait until it has succeeded."""
    task = app.send_task(HOUSEKEEPING_TASK, queue=NAME)
    process.wait_for_output(f"{task.id}] succeeded")


def test_a_connection_serves_several_tasks_until_it_breaks(one_thread: Process) -> None:
    run_a_task(one_thread)
    kept = backends()
    assert kept
    run_a_task(one_thread)
    assert backends() == kept
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", [list(kept)])
    wait_until(lambda: not backends() & kept, "the backends to end")
    run_a_task(one_thread)
    assert backends()
    assert "OperationalError" not in one_thread.output()
    assert "InterfaceError" not in one_thread.output()
