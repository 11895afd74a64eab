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
from hub.github.tokens import (
    TokenPool,
    adopt_environment_token,
    ask_again,
    forget_refusals,
)
from hub.models import GitHubToken, Reason, Resource, TokenState
from hub.models.access import quota_fields
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
    first = client.root_tree(REPO, "main")
    again = client.root_tree(REPO, "main", etags={first.token_id: first.etag})
    assert (first.unchanged, again.unchanged) == (False, True)
    assert [entry["path"] for entry in first.data["tree"]] == ["contents"]


def test_a_temporary_fault_is_retried(client: GitHubClient, github: FakeGitHub) -> None:
    github.faults.append(Fault(f.server_error(), times=1))
    assert client.root_tree(REPO, "main").data["sha"]


def test_a_renamed_repository_is_followed(client: GitHubClient, github: FakeGitHub) -> None:
    github.former_names.add("old/name")
    assert client.root_tree("old/name", "main").data["sha"] == github.repository.resolve("main")


def test_a_redirect_loop_ends(client: GitHubClient, github: FakeGitHub) -> None:
    circle = f.answer(302, {}, {"Location": f"/repos/{REPO}/git/trees/main"})
    github.faults.append(Fault(circle))
    with pytest.raises(errors.UnexpectedAnswer, match="too many redirects"):
        client.root_tree(REPO, "main")


def test_a_redirect_to_another_server_is_not_followed(
    client: GitHubClient, github: FakeGitHub
) -> None:
    github.faults.append(Fault(f.answer(301, {}, {"Location": "http://127.0.0.1:1/x"})))
    with pytest.raises(errors.UnexpectedAnswer, match="another server"):
        client.root_tree(REPO, "main")


def test_a_redirect_to_an_invalid_url_is_an_unexpected_answer(
    client: GitHubClient, github: FakeGitHub
) -> None:
    github.faults.append(Fault(f.answer(301, {}, {"Location": "http://[::1"})))
    with pytest.raises(errors.UnexpectedAnswer, match="invalid URL"):
        client.root_tree(REPO, "main")


@pytest.mark.parametrize("status", [200, 302])
def test_an_endless_body_is_aborted(client: GitHubClient, github: FakeGitHub, status: int) -> None:
    github.faults.append(Fault(f.flood(status)))
    with pytest.raises(errors.UnexpectedAnswer, match="too large"):
        client.root_tree(REPO, "main")


def test_endless_headers_are_aborted(client: GitHubClient, github: FakeGitHub) -> None:
    github.faults.append(Fault(f.endless_headers))
    with pytest.raises(errors.Unreachable):
        client.root_tree(REPO, "main")


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
def test_a_tree_with_another_schema_is_an_unexpected_answer(
    client: GitHubClient, github: FakeGitHub, keys: list[Any], text: str
) -> None:
    github.faults.append(Fault(f.with_json(keys, text)))
    with pytest.raises(errors.UnexpectedAnswer, match="not a git tree"):
        client.root_tree(REPO, "main")


def test_deeply_nested_json_is_an_unexpected_answer(
    client: GitHubClient, github: FakeGitHub
) -> None:
    github.faults.append(Fault(f.answer(200, "[" * 100_000)))
    with pytest.raises(errors.UnexpectedAnswer, match="not JSON"):
        client.root_tree(REPO, "main")


def test_a_tree_truncated_without_notice_is_detected(
    client: GitHubClient, github: FakeGitHub
) -> None:
    github.repository.write("contents/Redis/more.yaml", b"y")
    entry = github.repository.find("main", "contents/Redis")
    assert entry
    assert len(client.tree(REPO, entry.sha, recursive=True).data["tree"]) == 2
    github.faults.append(Fault(f.half_tree(False)))
    with pytest.raises(errors.UnexpectedAnswer, match="do not match its SHA"):
        client.tree(REPO, entry.sha, recursive=True)


def test_paths_that_postgres_cannot_store_are_escaped_or_ignored(
    client: GitHubClient, github: FakeGitHub
) -> None:
    message = {"message": "a\0b\ud800c"}
    github.faults.append(Fault(f.answer(418, message), times=1))
    with pytest.raises(errors.UnexpectedAnswer, match="418 abc"):
        client.root_tree(REPO, "main")
    odd = {"X-RateLimit-Limit": "9" * 20, "X-RateLimit-Remaining": "-1", "ETag": f'"{"x" * 200}"'}
    tree = {"sha": "0" * 40, "tree": [], "truncated": False}
    github.faults.append(Fault(f.answer(200, tree, odd)))
    assert client.root_tree(REPO, "main").etag == ""
    assert GitHubToken.objects.get().core_remaining is None


def test_a_limit_with_a_past_reset_is_not_retried_at_once(
    client: GitHubClient, github: FakeGitHub
) -> None:
    """GitHub's clock is behind ours."""
    github.faults.append(Fault(f.primary_limit(-30)))
    with pytest.raises(errors.RateLimited):
        client.root_tree(REPO, "main")
    assert len(github.requests) == 1


def test_the_token_with_the_most_requests_left_is_used(
    client: GitHubClient, github: FakeGitHub
) -> None:
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
    answer = client.root_tree(REPO, "main")
    assert answer.token_id == GitHubToken.objects.get(name="two").pk


def test_an_exhausted_token_is_replaced_by_another(
    client: GitHubClient, github: FakeGitHub
) -> None:
    github.add_token(OTHER)
    github.limits[TOKEN].exhaust()
    other = GitHubToken.objects.bulk_create([GitHubToken(name="two", secret=OTHER)])[0]
    assert client.root_tree(REPO, "main").token_id == other.pk
    github.limits[OTHER].exhaust()
    with pytest.raises(errors.RateLimited) as limited:
        client.root_tree(REPO, "main")
    assert limited.value.reset_at > timezone.now()


def test_a_secondary_limit_blocks_the_token_for_at_least_a_minute(
    client: GitHubClient, github: FakeGitHub
) -> None:
    github.faults.append(Fault(f.secondary_limit(), times=1))
    with pytest.raises(errors.SecondaryLimited):
        client.root_tree(REPO, "main")
    token = GitHubToken.objects.get()
    assert token.blocked_until > timezone.now() + timedelta(seconds=50)
    assert token.state != TokenState.INVALID
    github.requests.clear()
    with pytest.raises(errors.SecondaryLimited):
        client.root_tree(REPO, "main")
    assert github.requests == []


def test_only_the_rejected_token_is_marked(client: GitHubClient, github: FakeGitHub) -> None:
    GitHubToken.objects.bulk_create([GitHubToken(name="bad", secret="ghp_unknown0123456")])
    GitHubToken.objects.filter(name="one").update(
        core_remaining=5, core_limit=5000, core_reset_at=timezone.now() + timedelta(hours=1)
    )
    client.root_tree(REPO, "main")
    states = dict(GitHubToken.objects.values_list("name", "state"))
    assert states == {"bad": TokenState.INVALID, "one": TokenState.VALID}


def test_a_token_with_invalid_characters_is_rejected(client: GitHubClient) -> None:
    GitHubToken.objects.update(secret="line\nbreak")
    GitHubToken.objects.all().delete()
    GitHubToken.objects.bulk_create([GitHubToken(name="odd", secret="line\nbreak")])
    with pytest.raises(errors.BadToken):
        client.root_tree(REPO, "main")


def test_the_budget_is_shared_and_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.github.budget._MAX_WAIT", 0.3)
    points = {Resource.CORE: 3, Resource.GRAPHQL: 1}
    one, two = (RequestBudget(points, settings.REDIS_URL) for _ in range(2))
    for budget in (one, two, one):
        budget.spend(987_654, Resource.CORE)
    with pytest.raises(errors.BudgetSpent):
        two.spend(987_654, Resource.CORE)
    two.spend(987_655, Resource.CORE)  # another token has its own budget
    one.spend(987_654, Resource.GRAPHQL)  # and so has GraphQL
    with pytest.raises(errors.BudgetSpent):
        two.spend(987_654, Resource.GRAPHQL)


def test_many_threads_get_exactly_the_points_of_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hub.github.budget._MAX_WAIT", 0.5)
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
def test_a_written_token_state_is_used_at_once(
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


@pytest.mark.parametrize("resource", list(Resource))
def test_a_replaced_token_does_not_inherit_the_quota_of_the_former_one(
    client: GitHubClient, resource: Resource
) -> None:
    pool = TokenPool()
    pool.mark_exhausted(pool.choose(resource), resource, timezone.now() + timedelta(hours=1))
    with pytest.raises(errors.RateLimited):
        pool.choose(resource)
    # The admin stores the quota of the new token, whose window ends before the former one's.
    soon = timezone.now() + timedelta(minutes=9)
    new_quota = dict(zip(quota_fields(resource), (5000, 4000, soon), strict=True))
    GitHubToken.objects.update(secret=OTHER, **new_quota)
    assert pool.choose(resource).secret == OTHER


def test_a_new_token_does_not_inherit_the_quota_of_a_deleted_one(client: GitHubClient) -> None:
    pool = TokenPool()
    token = pool.choose()
    pool.mark_exhausted(token, Resource.CORE, timezone.now() + timedelta(hours=1))
    GitHubToken.objects.all().delete()  # a restored backup may use its id again
    GitHubToken.objects.bulk_create([GitHubToken(pk=token.id, name="new", secret=token.secret)])
    assert pool.choose() == token


def test_a_new_process_keeps_the_stored_limit(client: GitHubClient, github: FakeGitHub) -> None:
    hour = timezone.now() + timedelta(hours=1)
    GitHubToken.objects.update(core_limit=5000, core_remaining=4, core_reset_at=hour)
    github.faults.append(Fault(f.primary_limit(600)))
    with pytest.raises(errors.RateLimited):
        client.root_tree(REPO, "main")
    token = GitHubToken.objects.get()
    assert (token.core_limit, token.core_remaining) == (5000, 0)


def test_an_unavailable_budget_blocks_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.github.budget._REDIS_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        budget = RequestBudget({Resource.CORE: 3}, f"redis://127.0.0.1:{port}/0")
        budget.spend(987_656, Resource.CORE)


@pytest.mark.django_db
def test_the_environments_token_is_stored_and_deleted(settings: object) -> None:
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
        # The reset is relative to GitHub's clock, not to the local one.
        ({"x_ratelimit_reset": "1000", "Date": "Thu, 01 Jan 1970 00:15:00 GMT"}, 100),
        ({"x_ratelimit_reset": "1000", "Date": "Thu, 01 Jan 1970 00:20:00 GMT"}, 5),
        ({"x_ratelimit_reset": "99999", "Date": "Thu, 01 Jan 1970 00:15:00 GMT"}, 3600),
        ({"x_ratelimit_reset": str(int(time()) + 90), "Date": "yesterday"}, 60),
    ],
)
def test_the_reset_of_a_rate_limit(headers: dict[str, str], seconds: int) -> None:
    assert seconds_until(reset_time(answer(**headers))) == seconds


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("5", 60), ("120", 120), ("9" * 30, 3600), ("-7", 60), ("²", 60), ("soon", 60), ("", 60)],
)
def test_when_to_retry_after_a_secondary_limit(retry_after: str, seconds: int) -> None:
    assert seconds_until(retry_time(answer(Retry_After=retry_after))) == seconds
    assert seconds_until(retry_time(answer())) == 60


# --- what GitHub says in words --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "message", "headers", "expected"),
    [
        (403, "Resource protected by organization SAML enforcement.", {}, Reason.SSO_REQUIRED),
        (403, "Forbidden", {"X-GitHub-SSO": "required; url=https://x"}, Reason.SSO_REQUIRED),
        (
            403,
            "Although you appear to have the correct authorization credentials, the `o` "
            "organization has an IP allow list enabled, and your IP address is not permitted.",
            {},
            Reason.IP_NOT_ALLOWED,
        ),
        (403, "Sorry. Your account was suspended", {}, Reason.SUSPENDED),
        (403, "Repository was archived so is read-only.", {}, Reason.ARCHIVED),
        (403, "Repository access blocked", {}, Reason.BLOCKED),
        (451, "Repository access blocked", {}, Reason.BLOCKED),
        (403, "Resource not accessible by personal access token", {}, Reason.ACCESS_DENIED),
        (
            403,
            "You have triggered an abuse detection mechanism. Please wait a few minutes.",
            {"X-RateLimit-Remaining": "4000", "X-RateLimit-Limit": "5000"},
            Reason.SECONDARY_LIMIT,
        ),
        (429, "Slow down", {}, Reason.SECONDARY_LIMIT),
        (403, "API rate limit exceeded for user ID 1.", {}, Reason.RATE_LIMITED),
        (401, "Bad credentials", {}, Reason.TOKEN_REFUSED),
    ],
)
def test_each_refusal_has_its_reason_and_github_s_words(
    client: GitHubClient,
    github: FakeGitHub,
    status: int,
    message: str,
    headers: dict[str, str],
    expected: Reason,
) -> None:
    github.faults.append(Fault(f.answer(status, {"message": message}, headers), times=1))
    with pytest.raises(errors.GitHubError) as raised:
        client.root_tree(REPO, "main")
    assert raised.value.reason == expected
    assert message.split(".")[0] in str(raised.value)


# --- trees that are named or answered in other ways -----------------------------------------------


def test_the_root_tree_of_a_commit_is_named_by_the_tree(
    client: GitHubClient, github: FakeGitHub
) -> None:
    commit = github.repository.branches["main"]
    answer = client.root_tree(REPO, commit)
    assert answer.data["sha"] == github.repository.resolve("main") != commit
    with pytest.raises(errors.UnexpectedAnswer, match="do not match"):
        client.tree(REPO, commit)


def test_a_recursive_tree_that_github_refuses_is_read_by_levels(
    client: GitHubClient, github: FakeGitHub
) -> None:
    for path in ("a/b/c.yaml", "a/d.yaml", "e.yaml"):
        github.repository.write(f"contents/Redis/{path}", path.encode())
    sha = github.repository.find("main", "contents/Redis").sha
    whole = client.tree(REPO, sha, recursive=True)
    message = {"message": "Invalid object requested. SHA must identify a commit or a tree."}
    github.faults.append(Fault(f.answer(422, message), match="recursive"))
    walked = client.tree(REPO, sha, recursive=True)
    assert sorted(entry["path"] for entry in walked.data["tree"]) == sorted(
        entry["path"] for entry in whole.data["tree"]
    )
    assert walked.requests == 1 + 3  # the one that was refused, and a tree for each folder


# --- tokens ---------------------------------------------------------------------------------------


def test_a_stray_401_costs_a_token_one_run(client: GitHubClient, github: FakeGitHub) -> None:
    bad = f.answer(401, {"message": "Bad credentials"})
    for refusals in (1, 2):
        ask_again()
        github.faults.append(Fault(bad, times=1))
        with pytest.raises(errors.BadToken):
            client.root_tree(REPO, "main")
        with pytest.raises(errors.BadToken):
            client.root_tree(REPO, "main")  # in the same run, nothing is asked
        token = GitHubToken.objects.get()
        assert (token.state, token.refusals) == (TokenState.INVALID, refusals)
    ask_again()
    assert client.root_tree(REPO, "main").data
    token = GitHubToken.objects.get()
    assert (token.state, token.refusals) == (TokenState.VALID, 0)


def test_a_token_that_github_refuses_in_three_runs_waits_for_a_restart(
    client: GitHubClient, github: FakeGitHub
) -> None:
    github.faults.append(Fault(f.answer(401, {"message": "Bad credentials"})))
    for _ in range(5):
        ask_again()
        with pytest.raises(errors.BadToken):
            client.root_tree(REPO, "main")
    assert len(github.requests) == 3
    github.faults.clear()
    forget_refusals()  # a worker starts
    assert client.root_tree(REPO, "main").data


def test_a_token_of_a_server_without_rate_limits(client: GitHubClient, github: FakeGitHub) -> None:
    off = f.answer(404, {"message": "Rate limiting is not enabled."})
    github.faults.append(Fault(off, match="/rate_limit"))
    assert client.check(TOKEN) is None
    with pytest.raises(errors.BadToken):
        client.check("ghp_of_somebody_else_0123")
