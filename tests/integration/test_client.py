"""The GitHub client against the fake GitHub, in this process."""

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from time import time
from typing import Any

import pytest
import requests
from django.conf import settings
from django.utils import timezone

from hub.demo.fake_github import FakeGitHub, Fault
from hub.demo.fake_github import faults as f
from hub.github import errors
from hub.github.budget import RequestBudget
from hub.github.client import GitHubClient
from hub.github.responses import reset_time, retry_time
from hub.github.tokens import TokenPool, adopt_environment_token
from hub.models import GitHubToken, Resource, TokenState
from tests.conftest import TOKEN

OTHER = "ghp_other0123456789"
REPO = settings.GITHUB_REPO


@pytest.fixture
def client(github: FakeGitHub, db: None) -> GitHubClient:
    github.repository.write("contents/Redis/alert.yaml", b"x")
    GitHubToken.objects.bulk_create([GitHubToken(name="one", secret=TOKEN)])
    budget = RequestBudget({}, settings.REDIS_URL)
    return GitHubClient(github.url, TokenPool(), budget, timeout=(1, 1), retries=1)


def test_a_tree_and_its_304(client: GitHubClient) -> None:
    first = client.tree(REPO, "main")
    again = client.tree(REPO, "main", etags={first.token_id: first.etag})
    assert (first.unchanged, again.unchanged) == (False, True)
    assert [entry["path"] for entry in first.data["tree"]] == ["contents"]


def test_a_passing_fault_is_tried_again(client: GitHubClient, github: FakeGitHub) -> None:
    github.faults.append(Fault(f.server_error(), times=1))
    assert client.tree(REPO, "main").data["sha"]


def test_a_renamed_repository_is_followed(client: GitHubClient, github: FakeGitHub) -> None:
    github.former_names.add("old/name")
    try:
        assert client.tree("old/name", "main").data["sha"] == github.repository.resolve("main")
    finally:
        github.former_names.clear()


def test_a_redirect_in_a_circle_ends(client: GitHubClient, github: FakeGitHub) -> None:
    circle = f.answer(302, {}, {"Location": f"/repos/{REPO}/git/trees/main"})
    github.faults.append(Fault(circle))
    with pytest.raises(errors.UnexpectedAnswer, match="too many redirects"):
        client.tree(REPO, "main")


def test_another_server_is_never_followed(client: GitHubClient, github: FakeGitHub) -> None:
    github.faults.append(Fault(f.answer(301, {}, {"Location": "http://127.0.0.1:1/x"})))
    with pytest.raises(errors.UnexpectedAnswer, match="another server"):
        client.tree(REPO, "main")


def test_a_redirect_to_no_address_is_an_odd_answer(
    client: GitHubClient, github: FakeGitHub
) -> None:
    github.faults.append(Fault(f.answer(301, {}, {"Location": "http://[::1"})))
    with pytest.raises(errors.UnexpectedAnswer, match="no address"):
        client.tree(REPO, "main")


@pytest.mark.parametrize("status", [200, 302])
def test_a_body_without_end_is_given_up(
    client: GitHubClient, github: FakeGitHub, status: int
) -> None:
    github.faults.append(Fault(f.flood(status)))
    with pytest.raises(errors.UnexpectedAnswer, match="too large"):
        client.tree(REPO, "main")


def test_headers_without_end_are_given_up(client: GitHubClient, github: FakeGitHub) -> None:
    github.faults.append(Fault(f.endless_headers))
    with pytest.raises(errors.Unreachable):
        client.tree(REPO, "main")


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ([], "null"),
        (["sha"], '"main"'),
        (["tree"], "{}"),
        (["tree", 0], "null"),
        (["tree", 0, "path"], "7"),
        (["tree", 0, "sha"], f'"{"x" * 500}"'),
        (["tree", 0, "type"], "[]"),
        (["tree", 0, "mode"], "40000"),
        (["tree", 0, "size"], '"large"'),
    ],
)
def test_a_tree_of_another_shape_is_an_odd_answer(
    client: GitHubClient, github: FakeGitHub, keys: list[Any], text: str
) -> None:
    github.faults.append(Fault(f.with_json(keys, text)))
    with pytest.raises(errors.UnexpectedAnswer, match="not a git tree"):
        client.tree(REPO, "main")


def test_json_too_deep_to_read_is_an_odd_answer(client: GitHubClient, github: FakeGitHub) -> None:
    github.faults.append(Fault(f.answer(200, "[" * 100_000)))
    with pytest.raises(errors.UnexpectedAnswer, match="no JSON"):
        client.tree(REPO, "main")


def test_a_tree_that_is_cut_off_without_a_word_is_noticed(
    client: GitHubClient, github: FakeGitHub
) -> None:
    github.repository.write("contents/Redis/more.yaml", b"y")
    entry = github.repository.find("main", "contents/Redis")
    assert entry
    assert len(client.tree(REPO, entry.sha, recursive=True).data["tree"]) == 2
    github.faults.append(Fault(f.half_tree(False)))
    with pytest.raises(errors.UnexpectedAnswer, match="do not match its SHA"):
        client.tree(REPO, entry.sha, recursive=True)


def test_what_postgres_cannot_keep_is_left_out(client: GitHubClient, github: FakeGitHub) -> None:
    message = {"message": "a\0b\ud800c"}
    github.faults.append(Fault(f.answer(418, message), times=1))
    with pytest.raises(errors.UnexpectedAnswer, match="418 abc"):
        client.tree(REPO, "main")
    odd = {"X-RateLimit-Limit": "9" * 20, "X-RateLimit-Remaining": "-1", "ETag": f'"{"x" * 200}"'}
    tree = {"sha": "0" * 40, "tree": [], "truncated": False}
    github.faults.append(Fault(f.answer(200, tree, odd)))
    assert client.tree(REPO, "main").etag == ""
    assert GitHubToken.objects.get().core_remaining is None


def test_a_limit_whose_reset_has_passed_is_not_asked_again_at_once(
    client: GitHubClient, github: FakeGitHub
) -> None:
    """GitHub's clock is behind ours."""
    github.faults.append(Fault(f.primary_limit(-30)))
    with pytest.raises(errors.RateLimited):
        client.tree(REPO, "main")
    assert len(github.requests) == 1


def test_the_token_with_most_left_is_asked_with(client: GitHubClient, github: FakeGitHub) -> None:
    github.add_token(OTHER)
    hour = timezone.now() + timedelta(hours=1)
    GitHubToken.objects.update(core_remaining=10, core_limit=5000, core_reset_at=hour)
    GitHubToken.objects.bulk_create(
        [
            GitHubToken(
                name="two",
                secret=OTHER,
                core_remaining=4000,
                core_limit=5000,
                core_reset_at=hour,
            )
        ]
    )
    answer = client.tree(REPO, "main")
    assert answer.token_id == GitHubToken.objects.get(name="two").pk


def test_a_used_up_token_gives_way_to_another(client: GitHubClient, github: FakeGitHub) -> None:
    github.add_token(OTHER)
    github.limits[TOKEN].exhaust()
    other = GitHubToken.objects.bulk_create([GitHubToken(name="two", secret=OTHER)])[0]
    assert client.tree(REPO, "main").token_id == other.pk
    github.limits[OTHER].exhaust()
    with pytest.raises(errors.RateLimited) as limited:
        client.tree(REPO, "main")
    assert limited.value.reset_at > timezone.now()


def test_a_secondary_limit_blocks_the_token_for_a_minute_at_least(
    client: GitHubClient, github: FakeGitHub
) -> None:
    github.faults.append(Fault(f.secondary_limit(), times=1))
    with pytest.raises(errors.SecondaryLimited):
        client.tree(REPO, "main")
    token = GitHubToken.objects.get()
    assert token.blocked_until > timezone.now() + timedelta(seconds=50)
    assert token.state != TokenState.INVALID
    github.requests.clear()
    with pytest.raises(errors.SecondaryLimited):
        client.tree(REPO, "main")
    assert github.requests == []


def test_a_refused_token_is_marked_and_just_that_one(
    client: GitHubClient, github: FakeGitHub
) -> None:
    GitHubToken.objects.bulk_create([GitHubToken(name="bad", secret="ghp_unknown0123456")])
    GitHubToken.objects.filter(name="one").update(
        core_remaining=5, core_limit=5000, core_reset_at=timezone.now() + timedelta(hours=1)
    )
    client.tree(REPO, "main")
    states = dict(GitHubToken.objects.values_list("name", "state"))
    assert states == {"bad": TokenState.INVALID, "one": TokenState.VALID}


def test_a_token_that_no_header_can_carry_is_refused(client: GitHubClient) -> None:
    GitHubToken.objects.update(secret="line\nbreak")
    GitHubToken.objects.all().delete()
    GitHubToken.objects.bulk_create([GitHubToken(name="odd", secret="line\nbreak")])
    with pytest.raises(errors.BadToken):
        client.tree(REPO, "main")


def test_the_budget_is_shared_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.github.budget._LONGEST_WAIT", 0.3)
    points = {Resource.CORE: 3, Resource.GRAPHQL: 1}
    one, two = (RequestBudget(points, settings.REDIS_URL) for _ in range(2))
    for budget in (one, two, one):
        budget.spend(987_654, Resource.CORE)
    with pytest.raises(errors.BudgetSpent):
        two.spend(987_654, Resource.CORE)
    two.spend(987_655, Resource.CORE)  # another token has a budget of its own
    one.spend(987_654, Resource.GRAPHQL)  # and so has GraphQL
    with pytest.raises(errors.BudgetSpent):
        two.spend(987_654, Resource.GRAPHQL)


def test_many_threads_get_all_points_of_a_minute_and_not_one_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hub.github.budget._LONGEST_WAIT", 0.5)
    budgets = [RequestBudget({Resource.CORE: 200}, settings.REDIS_URL) for _ in range(2)]

    def spend(number: int) -> bool:
        try:
            budgets[number % 2].spend(987_657, Resource.CORE)
        except errors.BudgetSpent:
            return False
        return True

    with ThreadPoolExecutor(32) as threads:
        assert sum(threads.map(spend, range(250))) == 200


@pytest.mark.parametrize("resource", list(Resource))
def test_what_was_written_of_a_token_counts_at_once(
    client: GitHubClient, github: FakeGitHub, resource: Resource
) -> None:
    pool = TokenPool()
    token = pool.choose(resource)
    hour = timezone.now() + timedelta(hours=1)
    pool.mark_exhausted(token, resource, hour)
    with pytest.raises(errors.RateLimited):
        pool.choose(resource)
    [other] = set(Resource) - {resource}
    assert pool.choose(other) == token, "the other limit is not used up"
    for act, fault in (
        (lambda: pool.block(token, hour), errors.SecondaryLimited),
        (lambda: pool.mark_invalid(token), errors.BadToken),
    ):
        act()
        with pytest.raises(fault):
            pool.choose(other)
    GitHubToken.objects.bulk_create([GitHubToken(name="added", secret=OTHER)])
    assert pool.choose(resource).secret == OTHER


def test_a_process_that_has_just_started_keeps_the_known_limit(
    client: GitHubClient, github: FakeGitHub
) -> None:
    hour = timezone.now() + timedelta(hours=1)
    GitHubToken.objects.update(core_limit=5000, core_remaining=4, core_reset_at=hour)
    github.faults.append(Fault(f.primary_limit(600)))
    with pytest.raises(errors.RateLimited):
        client.tree(REPO, "main")
    token = GitHubToken.objects.get()
    assert (token.core_limit, token.core_remaining) == (5000, 0)


def test_a_budget_that_does_not_answer_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.github.budget._REDIS_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        budget = RequestBudget({Resource.CORE: 3}, f"redis://127.0.0.1:{port}/0")
        budget.spend(987_656, Resource.CORE)


@pytest.mark.django_db
def test_the_environments_token_is_adopted_and_forgotten(settings: object) -> None:
    settings.GITHUB_TOKEN = "ghp_first"  # type: ignore[attr-defined]
    adopt_environment_token()
    adopt_environment_token()
    assert [token.secret for token in GitHubToken.objects.all()] == ["ghp_first"]
    settings.GITHUB_TOKEN = "ghp_second"  # type: ignore[attr-defined]
    adopt_environment_token()
    assert [token.secret for token in GitHubToken.objects.all()] == ["ghp_second"]
    settings.GITHUB_TOKEN = ""  # type: ignore[attr-defined]
    adopt_environment_token()
    assert not GitHubToken.objects.exists()


def answer(**headers: str) -> requests.Response:
    response = requests.Response()
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response


def seconds_until(time: datetime) -> int:
    return round((time - timezone.now()).total_seconds())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 60),
        ({"x_ratelimit_reset": "never"}, 60),
        ({"x_ratelimit_reset": "nan"}, 60),
        ({"x_ratelimit_reset": "1e300"}, 3600),
        # By GitHub's clock, whatever ours says.
        ({"x_ratelimit_reset": "1000", "Date": "Thu, 01 Jan 1970 00:15:00 GMT"}, 100),
        ({"x_ratelimit_reset": "1000", "Date": "Thu, 01 Jan 1970 00:20:00 GMT"}, 5),
        ({"x_ratelimit_reset": "99999", "Date": "Thu, 01 Jan 1970 00:15:00 GMT"}, 3600),
        ({"x_ratelimit_reset": str(int(time()) + 90), "Date": "yesterday"}, 60),
    ],
)
def test_when_a_rate_limit_is_renewed(headers: dict[str, str], seconds: int) -> None:
    assert seconds_until(reset_time(answer(**headers))) == seconds


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("5", 60), ("120", 120), ("9" * 30, 3600), ("-7", 60), ("soon", 60), ("", 60)],
)
def test_when_to_retry_after_a_secondary_limit(retry_after: str, seconds: int) -> None:
    assert seconds_until(retry_time(answer(Retry_After=retry_after))) == seconds
    assert seconds_until(retry_time(answer())) == 60
