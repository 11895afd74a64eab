"""Fixtures for all tests: the fake GitHub at the URL in the settings, and real workers."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from django.conf import settings
from django.test import TransactionTestCase
from django.utils import timezone

from hub.accounts.password_hasher import LowPriorityPasswordHasher
from hub.content import status
from hub.content.runs import start_refresh
from hub.demo.fake_github import FakeGitHub, Fault, Repository
from hub.facts import runs as facts_runs
from hub.github import client
from hub.github.source import configured_source
from hub.models import FactsRun, GitHubToken, RefreshRun, RunStatus, RunTrigger
from tests.common import contents, tables
from tests.common.metrics import MetricsAddress
from tests.common.processes import Process, worker
from tests.common.waiting import wait_until

TransactionTestCase._fixture_teardown = tables.flush  # type: ignore[method-assign]
# A secure hash takes a third of a second of CPU time. Web servers that tests start verify such a
# hash too, because Django stores the number of iterations with it.
LowPriorityPasswordHasher.iterations = 1

TOKEN = "ghp_" + "tests0secret" * 3


@pytest.fixture(autouse=True)
def _no_search_for_static_files(settings: Any) -> None:
    """Disable WhiteNoise's finders, which take a third of the time of Django's test client."""
    settings.WHITENOISE_USE_FINDERS = False


@pytest.fixture(scope="session")
def _github_server() -> Iterator[FakeGitHub]:
    port = urlsplit(settings.GITHUB_API_URL).port
    with FakeGitHub(Repository(), settings.GITHUB_REPO, tokens=[TOKEN], port=port or 0) as github:
        yield github


@pytest.fixture
def github(_github_server: FakeGitHub) -> Iterator[FakeGitHub]:
    """The fake GitHub at the URL in the settings: empty, without faults, with one token."""
    server = _github_server
    server.repository = Repository()
    server.faults, server.requests, server.limits = [], [], {}
    server.others, server.expiries = {}, {}
    server.name, server.former_names = settings.GITHUB_REPO, set()
    server.latency, server.graphql_latency, server.truncate_above = 0.0, None, 100_000
    server.add_token(TOKEN)
    yield server
    server.faults = []


@pytest.fixture(scope="session")
def _workers(django_db_setup: None, django_db_blocker: object) -> Iterator[list[Process]]:
    """Two real worker processes for the test session."""
    processes = [worker(name, env=MetricsAddress("worker").env) for name in ("one", "two")]
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        # The first worker of a new hub starts a run, unless there is one already.
        now = timezone.now()
        earlier_run = RefreshRun.objects.create(
            source=configured_source().key,
            trigger=RunTrigger.STARTUP,
            status=RunStatus.FAILED,
            deadline=now,
            finished_at=now,
        )
        for process in processes:
            process.start()
        for process in processes:
            process.wait_for_output("first run: not needed")
        earlier_run.delete()
    yield processes
    for process in processes:
        process.stop()


@pytest.fixture
def hub(_workers: list[Process], github: FakeGitHub, transactional_db: None) -> Iterator["Hub"]:
    """A hub with real workers, an empty fake GitHub and no token."""
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    client.shared_pool.cache_clear()  # it caches the tokens of other tests
    client.shared_client.cache_clear()
    used = Hub(github, _workers)
    yield used
    # An open run would write to the tables of the next test.
    wait_until(lambda: not RefreshRun.objects.open().exists(), "the test's runs to end")
    wait_until(lambda: not FactsRun.objects.open().exists(), "the test's facts runs to end")
    with suppress(AssertionError):  # the message of a worker that the test killed stays for minutes
        used.wait_until_idle(seconds=5)


class Hub:
    """A hub, with the operations that tests need."""

    def __init__(self, github: FakeGitHub, workers: list[Process]) -> None:
        self.github, self.workers = github, workers

    def add_token(self, secret: str = TOKEN, name: str = "token") -> GitHubToken:
        """Store a token without starting a run."""
        return GitHubToken.objects.bulk_create([GitHubToken(name=name, secret=secret)])[0]

    def fill(self, *paths: str) -> None:
        """Commit files in `contents/`, with content that fits their names."""
        for path in paths:
            self.write(path, contents.of_its_name(path))

    def write(self, path: str, content: bytes) -> str:
        """Commit a file in `contents/` and return the commit's SHA."""
        return self.github.repository.write(f"contents/{path}", content)

    def refresh(self, **options: object) -> RefreshRun:
        """Run a refresh with the real workers and return the finished run with its counts."""
        started = start_refresh(RunTrigger.COMMAND, **options)  # type: ignore[arg-type]
        run: RefreshRun = wait_until(
            lambda: status.runs().filter(pk=started.run.pk, finished_at__isnull=False).first(),
            f"run {started.run.pk} to end",
        )
        return run

    def wait_until_idle(self, seconds: float = 30) -> None:
        """Wait until the workers have processed all messages, except those with a delay."""
        broker = redis.Redis.from_url(settings.REDIS_URL)

        def idle() -> bool:
            if any(map(broker.llen, ("hub", "lookups"))):
                return False
            messages = [json.loads(each)[0] for each in broker.hvals("unacked")]
            return all(message["headers"].get("eta") for message in messages)

        wait_until(idle, "the workers to be idle", seconds=seconds)

    def refresh_facts(self, **options: object) -> FactsRun:
        """Fetch the repositories' facts with the real workers and return the finished run."""
        started, _ = facts_runs.start_facts_run(RunTrigger.COMMAND, **options)  # type: ignore[arg-type]
        run: FactsRun = wait_until(
            FactsRun.objects.filter(pk=started.pk, finished_at__isnull=False).first,
            f"{started} to end",
        )
        return run

    def break_files(self, act: Callable[[Any], bool]) -> None:
        """Apply a fault to requests for files, over GraphQL and REST, but not for trees."""
        self.github.faults += [Fault(act, match=path) for path in ("/graphql", "/git/blobs/")]

    def count(self) -> tuple[RefreshRun, list[str]]:
        """Run a refresh; return the run and the paths of its requests to the fake GitHub."""
        self.github.requests.clear()
        run = self.refresh()
        return run, [request.path for request in self.github.requests]


@pytest.fixture
def real_contents() -> Path:
    """The folder with real contents and their expected results."""
    return Path(__file__).parent / "data" / "real-contents"
