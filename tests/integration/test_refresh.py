"""Tests of the refresh with real workers, Postgres, Redis and HTTP."""

import json
from pathlib import Path

import pytest
from django.test import Client

from hub.demo.fake_github import Fault, Repository
from hub.demo.fake_github import faults as f
from hub.models import (
    Category,
    Exporter,
    GitHubToken,
    Reason,
    RunStatus,
    Snapshot,
    TokenState,
    TreeListing,
)
from tests.conftest import TOKEN, Hub

FIVE = [f"{name}/{name}_alert.yaml" for name in ("Redis", "Kafka", "MySQL", "NGINX", "Node")]


def served() -> dict:
    return Client().get("/api/v1/contents").json()


@pytest.fixture
def filled(hub: Hub) -> Hub:
    """Five directories with alerts, published."""
    hub.add_token()
    hub.fill(*FIVE)
    assert hub.refresh().status == RunStatus.PUBLISHED
    return hub


def test_the_first_run_publishes_every_directory(filled: Hub) -> None:
    body = served()
    assert body["state"] == "fresh"
    assert body["contents"] == {
        name: {"E": False, "I": False, "A": True, "G": False}
        for name in ("Kafka", "MySQL", "NGINX", "Node", "Redis")
    }


def test_nothing_changed_costs_one_request_and_no_chord(filled: Hub) -> None:
    before = Client().get("/api/v1/contents").json()["as_of"]
    run, paths = filled.count()
    assert run.status == RunStatus.UNCHANGED
    assert [request.status for request in filled.github.requests] == [304]
    assert run.to_look_up == 0
    assert len(paths) == 1
    assert served()["as_of"] >= before


def test_an_etag_without_its_listing_is_not_sent(filled: Hub) -> None:
    TreeListing.objects.all().delete()
    run, _ = filled.count()
    assert run.status == RunStatus.UNCHANGED
    assert [request.status for request in filled.github.requests] == [200, 200]


def test_a_push_elsewhere_costs_one_request_and_no_chord(filled: Hub) -> None:
    filled.github.repository.write("docs/readme.md", b"new")
    run, paths = filled.count()
    assert run.status == RunStatus.UNCHANGED
    assert len(paths) == 1
    assert run.to_look_up == 0


def test_one_changed_directory_costs_three_requests_and_its_new_files(filled: Hub) -> None:
    filled.fill("Redis/image.svg")
    run, paths = filled.count()
    assert run.status == RunStatus.PUBLISHED
    assert len(paths) == 3
    filled.fill("Redis/Redis_dashboard.json")
    run, paths = filled.count()
    assert len(paths) == 4
    assert paths[-1] == "/graphql"
    assert run.requests_asked == 4
    assert served()["contents"]["Redis"] == {"E": False, "I": False, "A": True, "G": True}


def test_a_removed_directory_leaves_the_map(filled: Hub) -> None:
    filled.github.repository.delete("contents/Node")
    assert filled.refresh().status == RunStatus.PUBLISHED
    assert "Node" not in served()["contents"]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (f.server_error(), Reason.SERVER_FAULT),
        (f.answer(500, {"message": "boom"}), Reason.SERVER_FAULT),
        (f.answer(200, "no json"), Reason.BAD_ANSWER),
        (f.answer(200, [1, 2]), Reason.BAD_ANSWER),
        (f.answer(200, {"sha": "0" * 40, "tree": [], "truncated": True}), Reason.TRUNCATED),
        (f.answer(404, {"message": "Not Found"}), Reason.NOT_FOUND),
        (f.answer(304), Reason.BAD_ANSWER),
        (f.answer(302, {}, {"Location": "http://127.0.0.1:1/elsewhere"}), Reason.BAD_ANSWER),
        (f.half_body, Reason.UNREACHABLE),
        (f.reset, Reason.UNREACHABLE),
        (f.endless_body, Reason.UNREACHABLE),
        (f.slow(3), Reason.UNREACHABLE),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_one_failing_directory_keeps_its_last_good_entry(
    filled: Hub, fault: object, reason: Reason
) -> None:
    filled.fill("Redis/Redis_dashboard.json", "Kafka/Kafka_dashboard.json")
    sha = filled.github.repository.find("main", "contents/Redis").sha
    filled.github.faults.append(Fault(fault, match=sha))
    run = filled.refresh()
    body = served()
    assert (run.status, run.failed) == (RunStatus.PUBLISHED, 1)
    assert body["contents"]["Redis"] == {"E": False, "I": False, "A": True, "G": False}
    assert body["contents"]["Kafka"]["G"] is True
    assert body["stale"]["Redis"]["reason"] == reason
    # after the fault the next refresh fixes the entry, without a new push
    filled.github.faults.clear()
    assert filled.refresh().status == RunStatus.PUBLISHED
    assert served()["contents"]["Redis"]["G"] is True
    assert served()["stale"] == {}


def test_a_wrong_listing_of_the_branch_is_not_stored(filled: Hub) -> None:
    """GitHub's response has the SHA of the branch's tree, but not the path of the contents."""
    filled.fill("Redis/Redis_dashboard.json")
    elsewhere = f.with_json(["tree", 0, "path"], '"elsewhere"')
    filled.github.faults.append(Fault(elsewhere, match="/git/trees/main"))
    run = filled.refresh()
    assert (run.status, run.reason) == (RunStatus.FAILED, Reason.NOT_FOUND)
    filled.github.faults.clear()
    assert filled.refresh().status == RunStatus.PUBLISHED
    assert served()["contents"]["Redis"]["G"] is True


def test_all_failing_publishes_nothing(filled: Hub) -> None:
    for path in FIVE:
        filled.fill(f"{path}.md")
    filled.github.faults.append(Fault(f.server_error(), match="recursive"))
    snapshots = Snapshot.objects.count()
    run = filled.refresh()
    assert (run.status, run.reason) == (RunStatus.FAILED, Reason.SERVER_FAULT)
    assert Snapshot.objects.count() == snapshots
    body = served()
    assert (body["state"], body["reason"]) == ("stale", "server_fault")
    assert len(body["contents"]) == 5
    assert all(kinds["A"] for kinds in body["contents"].values())


def test_a_listing_that_shrinks_by_more_than_half_waits_for_an_admin(filled: Hub) -> None:
    for name in ("Redis", "Kafka", "MySQL"):
        filled.github.repository.delete(f"contents/{name}")
    run = filled.refresh()
    assert (run.status, run.reason) == (RunStatus.HELD, Reason.SHRUNK)
    assert len(served()["contents"]) == 5
    assert served()["reason"] == "shrunk"
    assert filled.refresh(shrink_accepted=True).status == RunStatus.PUBLISHED
    assert len(served()["contents"]) == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (f.server_error(), Reason.SERVER_FAULT),
        (f.secondary_limit(), Reason.SECONDARY_LIMIT),
        (f.reset, Reason.UNREACHABLE),
        (f.answer(404, {"message": "Not Found"}), Reason.NOT_FOUND),
        (f.answer(409, {"message": "Git Repository is empty."}), Reason.EMPTY_REPOSITORY),
        (f.answer(403, {"message": "Resource not accessible"}), Reason.ACCESS_DENIED),
    ],
)
def test_a_failing_listing_keeps_the_last_good_snapshot(
    filled: Hub, fault: object, reason: Reason
) -> None:
    before = served()
    filled.github.faults.append(Fault(fault))
    run = filled.refresh()
    assert (run.status, run.reason) == (RunStatus.FAILED, reason)
    body = served()
    assert (body["state"], body["reason"]) == ("stale", reason)
    assert (body["contents"], body["as_of"]) == (before["contents"], before["as_of"])


def test_the_primary_limit_ends_the_run_and_prevents_more_requests(filled: Hub) -> None:
    filled.github.limits[TOKEN].exhaust()
    filled.github.repository.write("elsewhere", b"")
    assert filled.refresh().reason == Reason.RATE_LIMITED
    run, paths = filled.count()
    assert (run.reason, paths) == (Reason.RATE_LIMITED, [])
    assert GitHubToken.objects.get().state == TokenState.VALID


def test_without_a_token_no_request_is_sent(hub: Hub) -> None:
    Exporter.objects.create(
        slug="redis",
        title="Redis",
        repository="https://github.com/oliver006/redis_exporter",
        category=Category.objects.create(name="Database"),
    )
    run, paths = hub.count()
    assert (run.status, paths) == (RunStatus.NO_TOKEN, [])
    body = served()
    assert (body["state"], body["reason"]) == ("empty", "no_token")
    assert body["contents"] == {"Redis": {"E": True, "I": None, "A": None, "G": None}}


def test_a_removed_token_leaves_the_last_good_snapshot(filled: Hub) -> None:
    before = served()
    GitHubToken.objects.all().delete()
    assert filled.refresh().status == RunStatus.NO_TOKEN
    body = served()
    assert (body["state"], body["reason"]) == ("stale", "no_token")
    assert body["contents"] == before["contents"]
    page = Client().get("/").content.decode()
    assert "no GitHub token" in page or "No GitHub token" in page
    filled.add_token()
    assert filled.refresh().status == RunStatus.UNCHANGED
    assert served()["state"] == "fresh"


def test_a_token_that_is_revoked_during_a_run_becomes_invalid_and_no_data_is_lost(
    filled: Hub,
) -> None:
    filled.fill("Redis/Redis_dashboard.json", "Kafka/Kafka_dashboard.json")

    def revoke(_: object) -> bool:
        filled.github.revoke(TOKEN)
        return False

    filled.github.faults.append(Fault(revoke, match="recursive"))
    run = filled.refresh()
    assert run.status == RunStatus.PUBLISHED
    assert {entry["reason"] for entry in served()["stale"].values()} == {"token_refused"}
    assert GitHubToken.objects.get().state == TokenState.INVALID
    assert filled.refresh().reason == Reason.TOKEN_REFUSED
    assert len(served()["contents"]) == 5
    # another token continues the refresh
    filled.github.faults.clear()
    filled.github.add_token("ghp_replacement0123456789")
    filled.add_token("ghp_replacement0123456789", "new")
    assert filled.refresh().status == RunStatus.PUBLISHED
    assert served()["contents"]["Redis"]["G"] is True


def test_the_token_with_the_most_quota_is_used_and_an_invalid_one_is_skipped(hub: Hub) -> None:
    hub.fill(*FIVE)
    hub.add_token("ghp_unknown_to_github_0123", "bad")
    hub.add_token()
    assert hub.refresh().status == RunStatus.PUBLISHED
    states = dict(GitHubToken.objects.values_list("name", "state"))
    assert states["token"] == TokenState.VALID
    assert served()["state"] == "fresh"


def test_real_contents(hub: Hub, real_contents: Path) -> None:
    hub.github.repository = Repository.of_folder(real_contents)
    hub.add_token()
    assert hub.refresh().status == RunStatus.PUBLISHED
    truth = json.loads((real_contents / "truth.json").read_text())
    found = served()["contents"]
    assert set(truth) <= set(found)
    wrong = [
        (name, kind) for name in truth for kind in "IAG" if found[name][kind] != truth[name][kind]
    ]
    assert wrong == []
