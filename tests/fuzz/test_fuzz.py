"""The web server responds to any request quickly, without server errors and as documented.

`make fuzz` sends 10,000 requests; the test suite sends a few hundred with a fixed seed.
"""

import math
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from requests.auth import AuthBase

from hub.models import FactsRun, RefreshRun
from hub.ops.local.ports import free_port
from hub.web.webhooks.views import sign
from tests.common import sample
from tests.common.processes import Process, web
from tests.common.waiting import wait_until
from tests.conftest import Hub
from tests.fuzz import documents
from tests.fuzz.asking import TRACEBACK, Account, Fuzzer

WANTED = int(os.environ.get("FUZZ_REQUESTS", "240"))
SEED = int(os.environ.get("FUZZ_SEED", "5"))
PASSWORD = "a password of the test"
SECRET = "the webhook's secret"
Ask = Callable[[str], requests.Session]
ACCOUNT = pytest.StashKey[Account]()


class Signed(AuthBase):
    """Signs each request body like GitHub."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        data = body.encode() if isinstance(body, str) else body
        request.headers["X-Hub-Signature-256"] = sign(SECRET, data)
        request.headers["X-GitHub-Event"] = "push"
        return request


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[tuple[Process, str]]:
    """A real web server with a secret for GitHub's webhook."""
    port = free_port()
    process = web(port, env={"GITHUB_WEBHOOK_SECRET": SECRET})
    process.start()
    process.wait_for_output("Uvicorn running")
    yield process, f"http://127.0.0.1:{port}"
    process.stop()


@pytest.fixture
def filled(hub: Hub) -> Hub:
    """A hub with sample contents and an admin."""
    sample.fill(hub)
    User.objects.create_superuser("root", password=PASSWORD)
    return hub


def _session(**attributes: object) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    for name, value in attributes.items():
        setattr(session, name, value)
    return session


def _admin(base_url: str) -> requests.Session:
    """Return a session that is signed in and sends the CSRF token."""
    session = _session()
    login = f"{base_url}/admin/login/?next=/admin/"
    session.get(login)
    form = {"username": "root", "password": PASSWORD}
    session.headers["X-CSRFToken"] = session.cookies["csrftoken"]
    answer = session.post(login, form)
    assert answer.status_code == 200
    assert "Welcome" in answer.text
    session.headers["X-CSRFToken"] = session.cookies["csrftoken"]
    return session


def _the_api(base_url: str) -> tuple[documents.Document, Ask]:
    session = _session()
    return documents.of_the_api(), lambda path: session


def _the_api_as_admin(base_url: str) -> tuple[documents.Document, Ask]:
    session = _session(auth=("root", PASSWORD))
    return documents.of_the_api(), lambda path: session


def _the_pages(base_url: str) -> tuple[documents.Document, Ask]:
    reader, github = _session(), _session(auth=Signed())
    return documents.of_the_pages(), lambda path: github if "webhook" in path else reader


def _the_admin(base_url: str) -> tuple[documents.Document, Ask]:
    session = _admin(base_url)
    return documents.of_the_admin(), lambda path: session


@pytest.mark.parametrize(
    ("share", "prepare"),
    [
        pytest.param(0.30, _the_api, id="API"),
        pytest.param(0.10, _the_api_as_admin, id="API as admin"),
        pytest.param(0.30, _the_pages, id="pages"),
        pytest.param(0.30, _the_admin, id="admin"),
    ],
)
def test_it_answers(
    filled: Hub,
    server: tuple[Process, str],
    request: pytest.FixtureRequest,
    share: float,
    prepare: Any,
) -> None:
    whole = request.config.stash.setdefault(ACCOUNT, Account())
    account = Account()
    process, base_url = server
    processes = [process, *filled.workers]
    said_before = [len(process.output()) for process in processes]
    document, session_of = prepare(base_url)
    name = f"{request.node.callspec.id} (repeat: FUZZ_REQUESTS={WANTED} FUZZ_SEED={SEED})"
    wanted = math.ceil(WANTED * share)
    fuzzer = Fuzzer(base_url, account, SEED)
    fuzzer.ask(document, session_of, wanted, name=name, conforming="API" in name)
    wait_until(lambda: not RefreshRun.objects.open().exists(), "runs to end", seconds=60)
    wait_until(lambda: not FactsRun.objects.open().exists(), "facts runs to end", seconds=60)
    for process, before in zip(processes, said_before, strict=True):
        said = process.output()[before:]
        for found in re.finditer(re.escape(TRACEBACK), said):
            account.tracebacks += 1
            account.note("a traceback in the log", _around(said, found))
    whole.add(account)
    assert not account.faults, f"{account.line}\n{account.report}"
    assert account.requests >= wanted
    assert account.answered_well > 0.1, "most requests were rejected"


def _around(text: str, found: re.Match[str]) -> str:
    return text[max(0, found.start() - 300) : found.start() + 3000]
