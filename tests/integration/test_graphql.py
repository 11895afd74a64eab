"""Files are fetched over GraphQL and match their SHA, or over REST if GraphQL cannot."""

import json
from collections import Counter
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from django.conf import settings
from django.utils import timezone

from hub.content.refresh import lookup
from hub.demo.fake_github import FakeGitHub, Fault
from hub.demo.fake_github import faults as f
from hub.github import client
from hub.github.budget import RequestBudget
from hub.github.client import GitHubClient
from hub.github.git_objects import blob_sha
from hub.github.graphql import fetch_files
from hub.github.source import configured_source
from hub.github.tokens import TokenPool
from hub.models import (
    ContentBlob,
    ContentTree,
    ExporterContents,
    GitHubToken,
    Lookup,
    Outcome,
    Reason,
    RefreshRun,
    RunStatus,
    RunTrigger,
)
from tests.common import contents
from tests.common.waiting import wait_until
from tests.conftest import TOKEN, Hub

OTHER = "ghp_other0123456789"
GRAPHQL = "/graphql"


def kinds(github: FakeGitHub) -> list[str]:
    """Return the types of the requests: `tree`, `blob` or `query`."""
    return [
        "query" if request.path == GRAPHQL else "blob" if "/blobs/" in request.path else "tree"
        for request in github.requests
    ]


class Directories:
    """Directories on the fake GitHub that one run looks up in this process."""

    def __init__(self, github: FakeGitHub) -> None:
        self.github = github
        self.queries: list[int] = []  # the number of files in each
        github.faults.append(Fault(self._note, match=GRAPHQL))
        self.run = RefreshRun.objects.create(
            source=configured_source().key,
            trigger=RunTrigger.COMMAND,
            status=RunStatus.LOOKING_UP,
            deadline=timezone.now() + timedelta(minutes=5),
        )

    def _note(self, handler: BaseHTTPRequestHandler) -> bool:
        body = json.loads(handler.body)  # type: ignore[attr-defined]
        self.queries.append(sum(name.startswith("o") for name in body["variables"]) - 1)
        return False

    def fault(self, act: f.Act, times: int | None = None, match: str = GRAPHQL) -> None:
        self.github.faults.append(Fault(act, match=match, times=times))

    def write(self, directory: str, files: int) -> None:
        """Write a directory with a number of different rule files."""
        for number in range(files):
            self.github.repository.write(
                f"contents/{directory}/alert_{number}.yaml",
                contents.alert(f"{directory}{number}"),
            )

    def look_up(self, directory: str) -> Lookup:
        entry = self.github.repository.find("main", f"contents/{directory}")
        assert entry
        Lookup.objects.create(run=self.run, directory=directory, tree_sha=entry.sha)
        lookup.look_up_directory(self.run.pk, directory)
        self.run.refresh_from_db()
        return self.run.lookups.get(directory=directory)


@pytest.fixture
def directories(github: FakeGitHub, db: None) -> Directories:
    client.shared_pool.cache_clear()
    client.shared_client.cache_clear()
    GitHubToken.objects.bulk_create([GitHubToken(name="one", secret=TOKEN)])
    return Directories(github)


def stored_exactly(github: FakeGitHub) -> int:
    """Return the number of stored blobs, and check that each matches its SHA."""
    blobs = {blob.sha: bytes(blob.data) for blob in ContentBlob.objects.all()}
    assert all(blob_sha(data) == sha for sha, data in blobs.items())
    return len(blobs)


# --- number of requests ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "asked"),
    [
        (1, ["tree", "query"]),
        (50, ["tree", "query"]),
        (51, ["tree", "query", "query"]),
        (0, ["tree"]),
    ],
)
def test_the_requests_for_a_new_directory(
    directories: Directories, files: int, asked: list[str]
) -> None:
    directories.github.repository.write("contents/New/logo.png", b"\x89PNG\0")
    directories.write("New", files)
    found = directories.look_up("New")
    assert (found.outcome, found.requests) == (Outcome.FOUND, len(asked))
    assert kinds(directories.github) == asked
    assert stored_exactly(directories.github) == files


def test_a_changed_file_takes_four_requests(hub: Hub) -> None:
    hub.add_token()
    hub.fill("Redis/alert.yaml", "Redis/values.yaml", "Kafka/alert.yaml")
    assert hub.refresh().status == RunStatus.PUBLISHED
    hub.write("Redis/alert.yaml", contents.alert("Another"))
    asked: list[int] = []

    def note(handler: BaseHTTPRequestHandler) -> bool:
        asked.append(len(json.loads(handler.body)["variables"]))  # type: ignore[attr-defined]
        return False

    hub.github.faults.append(Fault(note, match=GRAPHQL))
    run, _ = hub.count()
    assert kinds(hub.github) == ["tree", "tree", "tree", "query"]
    assert run.requests_asked == 4
    assert asked == [3], "owner, name and the new file alone"


def test_a_file_in_two_directories_is_stored_once(directories: Directories) -> None:
    for name in ("One", "Two"):
        directories.github.repository.write(f"contents/{name}/alert.yaml", contents.alert())
        directories.github.repository.write(f"contents/{name}/{name}.png", b"")
        assert directories.look_up(name).outcome == Outcome.FOUND
    assert kinds(directories.github) == ["tree", "query", "tree"]


# --- exact contents -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "asked"),
    [
        ("groups: []  # ü\r\n\tend".encode(), ["tree", "query"]),
        (b"\xef\xbb\xbfgroups: []\n", ["tree", "query"]),
        (
            b"# " + b"x" * 8_000 + b"\0\n",
            ["tree", "query"],
        ),  # NUL after the part that GitHub and git check for it
        (b"# " + b"x" * 499_998, ["tree", "query"]),
        (b"# " + b"x" * 499_999, ["tree", "blob"]),  # larger than the hub fetches over GraphQL
        (b"a\0b", ["tree", "query", "blob"]),
        (b"# caf\xe9\n", ["tree", "query", "blob"]),
        (b"# \xed\xa0\x80\n", ["tree", "query", "blob"]),  # a surrogate, which is not UTF-8
    ],
)
def test_a_file_is_stored_exactly(
    directories: Directories, content: bytes, asked: list[str]
) -> None:
    directories.github.repository.write("contents/Odd/values.yaml", content)
    assert directories.look_up("Odd").outcome == Outcome.FOUND
    assert bytes(ContentBlob.objects.get().data) == content
    assert kinds(directories.github) == asked


def test_an_empty_file_needs_no_request(directories: Directories) -> None:
    directories.github.repository.write("contents/Odd/values.yaml", b"")
    found = directories.look_up("Odd")
    assert (found.outcome, kinds(directories.github)) == (Outcome.FOUND, ["tree"])
    assert ContentTree.objects.get().judgement is not None


@pytest.mark.parametrize("what", ["null", "truncated", "other"])
def test_text_that_does_not_match_its_sha_is_not_stored(
    directories: Directories, what: str
) -> None:
    directories.write("Redis", 3)
    directories.fault(f.graphql_text(what, files=2))
    found = directories.look_up("Redis")
    assert (found.outcome, found.requests) == (Outcome.FOUND, 4)
    assert kinds(directories.github) == ["tree", "query", "blob", "blob"]
    assert stored_exactly(directories.github) == 3
    assert not directories.run.rest_only


def test_bytes_that_match_over_neither_api_are_not_stored(directories: Directories) -> None:
    directories.write("Redis", 2)
    directories.fault(f.graphql_text("other"))
    directories.fault(f.answer(200, {"content": "eA==", "encoding": "base64"}), match="/blobs/")
    found = directories.look_up("Redis")
    assert (found.outcome, found.reason) == (Outcome.FAILED, Reason.BAD_ANSWER)
    assert stored_exactly(directories.github) == 1
    assert ContentTree.objects.get().judgement is None


@pytest.mark.parametrize("kind", ["FORBIDDEN", "NOT_FOUND", "RESOURCE_LIMITS_EXCEEDED", ""])
def test_files_missing_from_a_response_are_fetched_over_rest(
    directories: Directories, kind: str
) -> None:
    directories.write("Redis", 4)
    directories.fault(f.graphql_partial(kind, files=3))
    assert directories.look_up("Redis").outcome == Outcome.FOUND
    assert Counter(kinds(directories.github)) == {"tree": 1, "query": 1, "blob": 3}
    assert stored_exactly(directories.github) == 4
    assert not directories.run.rest_only


# --- limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["RATE_LIMITED", "RATE_LIMIT"])
def test_an_exhausted_token_is_replaced_by_another(directories: Directories, kind: str) -> None:
    directories.github.add_token(OTHER)
    GitHubToken.objects.bulk_create([GitHubToken(name="two", secret=OTHER)])
    directories.write("Redis", 3)
    directories.fault(f.graphql_error(kind), times=1)
    found = directories.look_up("Redis")
    assert (found.outcome, found.requests) == (Outcome.FOUND, 3)
    assert kinds(directories.github) == ["tree", "query", "query"]
    left = GitHubToken.objects.values_list("graphql_remaining", flat=True)
    assert sorted(left) == [0, 4999]
    assert not GitHubToken.objects.filter(core_remaining=0).exists()


@pytest.mark.parametrize(
    "act", [f.graphql_error("RATE_LIMITED"), f.primary_limit(3600, 403), f.primary_limit(3600)]
)
def test_an_exhausted_limit_of_the_only_token_fails_the_directory(
    directories: Directories, act: f.Act
) -> None:
    directories.write("Redis", 3)
    directories.write("Kafka", 3)
    directories.fault(act)
    for name in ("Redis", "Kafka"):
        found = directories.look_up(name)
        assert (found.outcome, found.reason) == (Outcome.FAILED, Reason.RATE_LIMITED)
    assert kinds(directories.github) == ["tree", "query", "tree"], "the limit is asked once"
    token = GitHubToken.objects.get()
    assert token.graphql_remaining == 0
    assert token.graphql_reset_at > timezone.now() + timedelta(minutes=50)
    assert token.core_remaining
    assert token.blocked_until is None


def test_a_run_continues_after_the_reset_without_repeated_requests(hub: Hub) -> None:
    hub.add_token()
    for name in ("Redis", "Kafka", "MySQL"):
        hub.write(f"{name}/alert.yaml", contents.alert(name))
    hub.github.graphql_limits[TOKEN].exhaust(reset_in=6, left=1)
    run = hub.refresh()
    assert (run.status, run.failed) == (RunStatus.PUBLISHED, 2)
    stale = ExporterContents.objects.exclude(stale="")
    assert set(stale.values_list("stale", flat=True)) == {Reason.RATE_LIMITED}
    assert ContentBlob.objects.count() == 1
    reset = GitHubToken.objects.get().graphql_reset_at
    wait_until(lambda: timezone.now() > reset, "the reset")
    run, _ = hub.count()
    assert (run.status, run.failed) == (RunStatus.PUBLISHED, 0)
    assert kinds(hub.github) == ["tree", "query", "query"], "the listing and what was missing"
    assert ContentBlob.objects.count() == 3


@pytest.mark.parametrize(
    "act",
    [
        f.secondary_limit(),
        f.secondary_limit(120, 429),
        f.graphql_error("", "You have exceeded a secondary rate limit. Please wait."),
    ],
)
def test_a_secondary_limit_stops_all_requests_for_a_minute(
    directories: Directories, act: f.Act
) -> None:
    directories.write("Redis", 3)
    directories.write("Kafka", 3)
    directories.fault(act)
    for name in ("Redis", "Kafka"):
        found = directories.look_up(name)
        assert (found.outcome, found.reason) == (Outcome.FAILED, Reason.SECONDARY_LIMIT)
    assert kinds(directories.github) == ["tree", "query"], "REST and GraphQL share this limit"
    assert GitHubToken.objects.get().blocked_until > timezone.now() + timedelta(seconds=50)


# --- too much for one query -----------------------------------------------------------------------


def test_a_query_is_halved_until_it_succeeds(directories: Directories) -> None:
    directories.write("Large", 50)
    directories.fault(f.graphql_error("RESOURCE_LIMITS_EXCEEDED", more_than=12))
    found = directories.look_up("Large")
    assert directories.queries == [50, 25, 12, 12, 12, 12, 2]
    assert (found.outcome, found.requests) == (Outcome.FOUND, 8)
    assert "blob" not in kinds(directories.github)
    assert stored_exactly(directories.github) == 50


@pytest.mark.parametrize(
    "act",
    [
        f.graphql_error("RESOURCE_LIMITS_EXCEEDED"),
        f.graphql_error("MAX_NODE_LIMIT_EXCEEDED"),
        f.graphql_error("TIMEOUT"),
        f.graphql_error(""),  # "Something went wrong while executing your query."
        f.graphql_timeout(502),
        f.graphql_timeout(504),
        f.server_error(503),
        f.answer(200, "<html></html>"),
        f.answer(200, []),
        f.answer(200, {"data": None}),
        f.answer(200, {"data": {"repository": None}, "errors": 7}),
        f.half_body,
        f.reset,
    ],
)
def test_files_of_a_query_that_never_succeeds_are_fetched_over_rest(
    directories: Directories, act: f.Act
) -> None:
    directories.write("Redis", 5)
    directories.fault(act)
    found = directories.look_up("Redis")
    assert directories.queries == [5, 2, 1]
    assert (found.outcome, found.requests) == (Outcome.FOUND, 1 + 3 + 5)
    assert Counter(kinds(directories.github)) == {"tree": 1, "query": 3, "blob": 5}
    assert stored_exactly(directories.github) == 5
    assert not directories.run.rest_only, "the next directory may be smaller"


def test_files_of_a_query_that_times_out_are_fetched_over_rest(directories: Directories) -> None:
    directories.write("Redis", 1)
    directories.fault(f.slow(settings.GITHUB_READ_TIMEOUT + 0.5))
    assert directories.look_up("Redis").outcome == Outcome.FOUND
    assert kinds(directories.github)[-1] == "blob"
    assert stored_exactly(directories.github) == 1


# --- GraphQL not available ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "act",
    [
        f.answer(404, {"message": "Not Found"}),
        f.answer(403, {"message": "Resource not accessible by personal access token"}),
        f.graphql_error("FORBIDDEN"),
        f.graphql_error("NOT_FOUND"),
        f.graphql_error("undefinedField", "Field 'isTruncated' doesn't exist on type 'Blob'"),
    ],
)
def test_without_graphql_the_rest_of_the_run_uses_rest(
    directories: Directories, act: f.Act
) -> None:
    directories.write("Redis", 2)
    directories.write("Kafka", 2)
    directories.fault(act)
    first, second = directories.look_up("Redis"), directories.look_up("Kafka")
    assert directories.run.rest_only
    assert (first.outcome, first.requests) == (Outcome.FOUND, 4)
    assert (second.outcome, second.requests) == (Outcome.FOUND, 3)
    assert kinds(directories.github) == ["tree", "query", "blob", "blob", "tree", "blob", "blob"]
    assert stored_exactly(directories.github) == 4


def test_the_next_run_tries_graphql_again(hub: Hub) -> None:
    hub.add_token()
    hub.fill("Redis/alert.yaml")
    hub.github.faults.append(Fault(f.answer(404, {"message": "Not Found"}), match=GRAPHQL))
    run = hub.refresh()
    assert (run.status, run.failed, run.rest_only) == (RunStatus.PUBLISHED, 0, True)
    hub.github.faults.clear()
    hub.fill("Kafka/alert.yaml")
    run, _ = hub.count()
    assert (run.rest_only, kinds(hub.github)[-1]) == (False, "query")


def test_an_enterprise_server_has_graphql_beside_rest(github: FakeGitHub, db: None) -> None:
    GitHubToken.objects.bulk_create([GitHubToken(name="one", secret=TOKEN)])
    content = contents.alert()
    github.repository.write("contents/Redis/alert.yaml", content)
    asked = []

    def below_api(handler: BaseHTTPRequestHandler) -> bool:
        asked.append(handler.path)
        handler.path = handler.path.removeprefix("/api").removeprefix("/v3")
        handler.is_query = handler.path == GRAPHQL  # type: ignore[attr-defined]
        return False

    github.faults.append(Fault(below_api))
    enterprise = GitHubClient(
        f"{github.url}/api/v3", TokenPool(), RequestBudget({}, settings.REDIS_URL)
    )
    sha = blob_sha(content)
    repository = settings.GITHUB_REPO
    assert list(fetch_files(enterprise, repository, {sha: len(content)})) == [({sha: content}, 1)]
    assert enterprise.blob(repository, sha) == (content, 1)
    assert asked == ["/api/graphql", f"/api/v3/repos/{repository}/git/blobs/{sha}"]
