"""Tests of the web and of the workers while Postgres is down, and after it returns."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.db import connection

from hub.models import Outcome
from hub.ops.local.ports import free_port
from hub.ops.local.postgres import EmbeddedPostgres
from hub.web.webhooks.views import sign
from tasks.facts import lookup_facts
from tasks.refresh import lookup_directory
from tests.common.processes import ROOT, kill_server
from tests.common.waiting import wait_until

SECRET = "a secret of the tests"
CSRF = "of32charactersof32charactersof32"
BROWSER = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Cookie": "sessionid=of32charactersof32charactersof32",  # of a signed-in user
}
PROGRAM = {"Accept": "application/json"}
PAGES = ("/", "/exporters/redis", "/status", "/coverage", "/admin/", "/admin/login/")
API = ("/api/v1/status", "/api/v1/exporters/redis")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that Postgres' account can enter when the tests run as root."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o711)
        yield Path(made)


def test_the_web_answers_503_and_recovers(folder: Path) -> None:
    with EmbeddedPostgres(folder, free_port()) as postgres:
        port = free_port()
        hub = f"http://127.0.0.1:{port}"
        env = {
            **os.environ,
            "DATABASE_URL": postgres.url,
            "GITHUB_WEBHOOK_SECRET": SECRET,
        }
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=env, check=True
        )
        log = (folder / "web.log").open("w+")
        web = subprocess.Popen(
            [sys.executable, "-m", "config.server", f"--port={port}"],
            cwd=ROOT,
            env=env,
            stdout=log,
            stderr=log,
        )

        def status(path: str) -> int:
            try:
                return requests.get(f"{hub}{path}", timeout=20).status_code
            except requests.ConnectionError:
                return 0

        def sign_in() -> requests.Response:
            session = requests.Session()
            session.cookies.set("csrftoken", CSRF)
            fields = {"csrfmiddlewaretoken": CSRF, "username": "root", "password": "of the tests"}
            return session.post(f"{hub}/admin/login/", fields, timeout=20)

        def deliver() -> requests.Response:
            body = b'{"ref": "refs/heads/elsewhere"}'
            headers = {
                "Content-Type": "application/json",
                "X-GitHub-Event": "push",
                "X-Hub-Signature-256": sign(SECRET, body),
            }
            return requests.post(f"{hub}/webhooks/github", body, headers=headers, timeout=20)

        try:
            wait_until(lambda: status("/") == 200, "the page")
            served = requests.get(f"{hub}/api/v1/contents", timeout=20).json()
            kill_server(postgres)
            for path in PAGES:
                page = requests.get(f"{hub}{path}", headers=BROWSER, timeout=20)
                assert (page.status_code, page.headers["Retry-After"]) == (503, "5"), path
                assert "cannot reach its database" in page.text
                assert 'href="">try again' in page.text
                assert "was not saved" not in page.text
            for path in ("/", *API):
                answer = requests.get(f"{hub}{path}", headers=PROGRAM, timeout=20)
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5"), path
                assert answer.json() == {
                    "detail": "The hub cannot reach its database at the moment. Try again shortly."
                }
            # The map is served from the last copy, which says so.
            copy = requests.get(f"{hub}/api/v1/contents", timeout=20)
            assert (copy.status_code, copy.json()["reason"]) == (200, "no_database")
            assert copy.json()["contents"] == served["contents"]
            etag = {"If-None-Match": copy.headers["ETag"]}
            again = requests.get(f"{hub}/api/v1/contents", headers=etag, timeout=20)
            assert again.status_code == 304
            # Responses that need no database: 404, static files, robots.txt.
            assert status("/no/such/page") == 404
            assert status("/static/hub/hub.css") == status("/robots.txt") == 200
            sent = sign_in()
            assert sent.status_code == 503
            assert "was not saved" in sent.text
            refused = deliver()
            assert (refused.status_code, list(refused.json())) == (503, ["detail"])
            postgres.start()
            wait_until(lambda: status("/") == 200, "the page again")
            assert requests.get(f"{hub}/api/v1/contents", timeout=20).json() == served
            # the first delivery is processed now, the second is a replay
            assert [deliver().status_code for _ in range(2)] == [200, 409]
            log.seek(0)
            said = log.read()
            assert "Traceback" not in said
            why = [line for line in said.splitlines() if "answering 503" in line]
            assert len(why) == 1  # although every page failed
            assert "Connection refused" in why[0] or "closed the connection" in why[0]
        finally:
            web.terminate()
            web.wait(20)
            log.close()


@pytest.mark.django_db(transaction=True)
def test_a_header_task_returns_after_losing_its_connection() -> None:
    """An exception would keep the chord's body from running."""
    for task in (lookup_directory, lookup_facts):
        connection.ensure_connection()
        connection.connection.close()  # as after Postgres has stopped
        try:
            assert task(1, 1)["outcome"] == Outcome.FAILED
        finally:
            connection.close()
