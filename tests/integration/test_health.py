"""Health checks: of the web server over HTTP; of workers and beat with `manage.py probe`."""

import gc
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from config.celery import app
from config.server import THREADS
from hub.management.commands import probe
from hub.ops.local.ports import free_port
from hub.runs.schedule import HOUSEKEEPING_TASK
from tests.common.processes import ROOT, Process, frozen, web, worker
from tests.conftest import Hub

_ANY_HOST = "10.1.2.3"


@pytest.fixture
def silent_postgres() -> Iterator[socket.socket]:
    """A server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        yield server


def test_healthz_needs_neither_postgres_nor_a_free_thread(silent_postgres: socket.socket) -> None:
    port, database = free_port(), silent_postgres.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = web(port, env={"DATABASE_URL": f"postgres://hub@127.0.0.1:{database}/hub"})
    process.start()
    try:
        process.wait_for_output("Uvicorn running")
        with ThreadPoolExecutor(THREADS) as clients, suppress(requests.RequestException):
            pages = [clients.submit(requests.get, url, timeout=60) for _ in range(THREADS)]
            waiting = [silent_postgres.accept()[0] for _ in pages]  # every thread waits for it
            health = requests.get(f"{url}/healthz", headers={"Host": _ANY_HOST}, timeout=10)
            assert (health.status_code, health.text) == (200, "ok\n")
            assert requests.head(f"{url}/healthz", timeout=10).status_code == 200
            assert not any(page.done() for page in pages)
            silent_postgres.close()
            for connection in waiting:
                connection.close()
            assert {page.result().status_code for page in pages} == {503}
        ready = requests.get(f"{url}/readyz", timeout=20)
        assert ready.status_code == 503
        assert ready.text.startswith("Not ready: the database does not answer.")
        assert requests.get(f"{url}/healthz", timeout=10).status_code == 200
        said = process.output()
        assert "Not ready: the database does not answer." in said
        assert "Traceback" not in said.partition("Not ready")[2]
    finally:
        process.stop()


def test_readyz_names_the_missing_migration(db: None, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    client = Client(headers={"host": _ANY_HOST})
    ready = client.get("/readyz")
    assert (ready.status_code, ready.content, ready["Cache-Control"]) == (
        *(200, b"ready\n", "no-store"),
    )
    applied = MigrationRecorder.Migration.objects
    newest = applied.filter(app="hub").latest("pk")
    newest.delete()
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert f"1 migrations are not applied, the first of them is hub.{newest.name}. Run " in (
        ready.content.decode()
    )
    applied.create(app="hub", name="9999_of_a_newer_version", applied=timezone.now())
    applied.create(app="hub", name=newest.name, applied=timezone.now())
    assert client.get("/readyz").status_code == 200


def _probe(process: str, *options: str) -> str:
    out = StringIO()
    call_command("probe", process, *options, stdout=out)
    return out.getvalue()


def test_the_probe_of_beat_fails_when_it_sends_nothing(db: None) -> None:
    assert _probe("beat") == "ok\n"
    PeriodicTask.objects.update(last_run_at=timezone.now() - timedelta(hours=1))
    with pytest.raises(CommandError, match="beat has sent no task for 1:00"):
        _probe("beat")


def test_the_probe_of_a_worker_that_does_not_respond_fails(hub: Hub) -> None:
    assert _probe("worker", "--hostname=one@tests") == "ok\n"
    with frozen(hub.workers[:1]):
        with pytest.raises(CommandError, match="The worker one@tests does not respond"):
            _probe("worker", "--hostname=one@tests")
        assert _probe("worker", "--hostname=two@tests") == "ok\n"


@pytest.fixture
def one_thread(hub: Hub) -> Iterator[Process]:
    """A worker with one thread and a queue of its own."""
    process = worker("probed", concurrency=1)
    process.command = tuple(
        "--queues=probed" if option.startswith("--queues") else option for option in process.command
    )
    process.start()
    process.wait_for_output("first run:")
    yield process
    process.stop()


def test_the_probe_of_a_worker_fails_when_messages_wait_and_no_task_ends(
    one_thread: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "STUCK_AFTER", timedelta(0))
    name = "--hostname=probed@tests"
    assert _probe("worker", name) == "ok\n"  # no message waits
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE hub_refreshrun")  # housekeeping waits for it
        first, second = (app.send_task(HOUSEKEEPING_TASK, queue="probed") for _ in range(2))
        one_thread.wait_for_output(f"{first.id}] received")
        with pytest.raises(CommandError, match="1 messages wait, and the worker probed@tests has"):
            _probe("worker", name)
    one_thread.wait_for_output(f"{second.id}] succeeded")
    assert _probe("worker", name) == "ok\n"


def test_commands_say_what_they_cannot_reach(transactional_db: None) -> None:
    away = f"127.0.0.1:{free_port()}"
    for command, url, reason in (
        ("probe beat", {"DATABASE_URL": f"postgres://{away}/hub"}, "cannot be read from Postgres"),
        ("probe worker", {"REDIS_URL": f"redis://{away}/0"}, "The broker is not reachable"),
        ("status", {"DATABASE_URL": f"postgres://{away}/hub"}, "The command needs Postgres"),
    ):
        done = subprocess.run(
            [sys.executable, "manage.py", *command.split()],
            cwd=ROOT,
            env={**os.environ, **url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert reason in done.stderr
        assert "Traceback" not in done.stderr


def test_modules_are_exempt_from_garbage_collection() -> None:
    """`config.server` is imported above, as in each process of the web server."""
    assert gc.get_freeze_count() > 0
