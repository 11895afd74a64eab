"""Postgres goes away and comes back: what the web and the workers do."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.db import connection

from hub.local.ports import free_port
from hub.local.postgres import EmbeddedPostgres
from hub.models import Outcome
from hub.webhooks.signature import sign
from tasks.facts import lookup_facts
from tasks.refresh import lookup_directory
from tests.common.processes import ROOT
from tests.common.waiting import wait_until

SECRET = "a secret of the tests"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Reachable for the account that Postgres runs as when we are root."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o711)
        yield Path(made)


def test_readers_are_told_and_the_web_recovers_by_itself(folder: Path) -> None:
    with EmbeddedPostgres(folder, free_port()) as postgres:
        port = free_port()
        env = {
            **os.environ,
            "DATABASE_URL": postgres.url,
            "GITHUB_WEBHOOK_SECRET": SECRET,
        }
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=env, check=True
        )
        web = subprocess.Popen(
            [
                *(sys.executable, "-m", "granian", "--interface=wsgi", "--host=127.0.0.1"),
                *(f"--port={port}", "config.wsgi:application"),
            ],
            cwd=ROOT,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

        def status(path: str) -> int:
            try:
                return requests.get(f"http://127.0.0.1:{port}{path}", timeout=20).status_code
            except requests.ConnectionError:
                return 0

        def deliver() -> requests.Response:
            body = b'{"ref": "refs/heads/elsewhere"}'
            headers = {
                "Content-Type": "application/json",
                "X-GitHub-Event": "push",
                "X-Hub-Signature-256": sign(SECRET, body),
            }
            return requests.post(
                f"http://127.0.0.1:{port}/webhooks/github", body, headers=headers, timeout=20
            )

        try:
            wait_until(lambda: status("/") == 200, "the page")
            postgres.kill()
            for path in ("/", "/api/v1/contents", "/api/v1/status", "/healthz"):
                assert status(path) == 503
            page = requests.get(f"http://127.0.0.1:{port}/", timeout=20)
            assert page.headers["Retry-After"]
            assert "<html" in page.text
            assert "Traceback" not in page.text
            refused = deliver()
            assert (refused.status_code, list(refused.json())) == (503, ["detail"])
            postgres.start()
            wait_until(lambda: status("/") == 200, "the page again")
            # the delivery was not taken before, and is a replay once it was
            assert [deliver().status_code for _ in range(2)] == [200, 409]
        finally:
            web.terminate()
            web.wait(20)


@pytest.mark.django_db(transaction=True)
def test_a_header_task_returns_although_its_connection_is_gone() -> None:
    """What it raised would keep the chord's body from running."""
    for task in (lookup_directory, lookup_facts):
        connection.ensure_connection()
        connection.connection.close()  # as Django finds it once Postgres has gone
        try:
            assert task(1, 1)["outcome"] == Outcome.FAILED
        finally:
            connection.close()
