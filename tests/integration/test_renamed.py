"""A repository that is renamed or transferred on GitHub while the hub reads it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from hub.content import editing
from hub.demo.fake_github import Fault
from hub.demo.fake_github import faults as f
from hub.github.budget import READ, WRITE
from hub.github.client import GitHubClient
from hub.github.source import configured_source
from hub.github.tokens import TokenPool
from hub.models import (
    ContentEdit,
    EditAction,
    EditState,
    ExporterContents,
    GitHubToken,
    Reason,
    RefreshRun,
    RenamedRepository,
    Resource,
    RunStatus,
)
from hub.web.webhooks.push import is_of_source
from tests.common import contents
from tests.common.waiting import wait_until
from tests.conftest import TOKEN, Hub

OLD = "tests/exporters"  # GITHUB_REPO
NEW = "Elsewhere/contents"


@pytest.fixture
def filled(hub: Hub) -> Hub:
    """Two directories, published."""
    hub.add_token()
    hub.fill("Redis/alert.yaml", "Kafka/alert.yaml")
    hub.refresh()
    return hub


def repositories(paths: list[str]) -> set[str]:
    return {"/".join(path.split("/")[2:4]) for path in paths if path.startswith("/repos/")}


def test_the_new_name_is_used_from_then_on(filled: Hub) -> None:
    filled.github.rename(NEW)
    run, paths = filled.count()
    # The redirect and the tree, then once the repository, for its name.
    assert [request.status for request in filled.github.requests] == [301, 200, 200]
    assert (run.status, run.requests) == (RunStatus.UNCHANGED, 3)
    assert run.detail == f"GitHub has renamed {OLD} to {NEW}"
    assert repositories(paths) == {OLD}
    filled.fill("Redis/dashboard.json")
    run, paths = filled.count()
    assert (run.status, run.detail) == (RunStatus.PUBLISHED, f"GitHub has renamed {OLD} to {NEW}")
    assert repositories(paths) == {NEW}
    run, paths = filled.count()
    assert [request.status for request in filled.github.requests] == [304]


def test_the_source_keeps_its_data(filled: Hub) -> None:
    before = configured_source().key
    filled.github.rename(NEW)
    filled.github.repository.delete("contents/Kafka/alert.yaml")
    filled.refresh()
    assert set(ExporterContents.objects.values_list("source", "directory")) == {(before, "Redis")}
    assert set(RefreshRun.objects.values_list("source", flat=True)) == {before}
    served = Client().get("/api/v1/contents").json()
    assert (served["state"], served["source"]["repository"]) == ("fresh", OLD)


def test_a_second_rename_is_followed_too(filled: Hub) -> None:
    for name in (NEW, "Elsewhere/again"):
        filled.github.rename(name)
        filled.refresh()
        run, paths = filled.count()
        assert (run.status, repositories(paths)) == (RunStatus.UNCHANGED, {name})


def test_a_rename_in_the_middle_of_a_run(filled: Hub) -> None:
    filled.fill(*(f"D{number}/alert.yaml" for number in range(8)))
    renamed = False

    def rename(_: object) -> bool:
        nonlocal renamed
        if not renamed:
            renamed = True
            filled.github.rename(NEW)
        return False

    filled.github.faults.append(Fault(rename, match="recursive"))
    run, paths = filled.count()
    assert (run.status, run.failed, run.looked_up) == (RunStatus.PUBLISHED, 0, 8)
    assert RenamedRepository.objects.get().current == NEW
    assert run.requests + run.lookup_requests == len(paths), "each redirect is counted"


def test_graphql_that_does_not_know_the_former_name(filled: Hub) -> None:
    """GitHub resolves former names in GraphQL; should it not, REST is used until it is known."""

    def unknown(handler: Any) -> bool:
        return OLD.split("/")[1].encode() in handler.body and f.graphql_error("NOT_FOUND")(handler)

    filled.github.faults.append(Fault(unknown, match="/graphql"))
    filled.github.rename(NEW)
    filled.fill("Redis/dashboard.json")
    run = filled.refresh()
    assert (run.status, run.rest_only) == (RunStatus.PUBLISHED, False)


def test_an_edit_of_a_renamed_repository(filled: Hub) -> None:
    author = User.objects.create_superuser("root")
    filled.github.rename(NEW)
    filled.github.requests.clear()
    for path, statuses in (("one.yaml", [307, 201]), ("two.yaml", [201])):
        text = contents.alert(path.replace(".", "_")).decode()
        proposal = editing.EditProposal("Redis", path, EditAction.WRITE, text)
        edit, _ = editing.submit_edit(proposal, author)
        done = ContentEdit.objects.filter(pk=edit.pk, state=EditState.COMMITTED)
        wait_until(done.exists, "the edit to be committed")
        wait_until(lambda: not RefreshRun.objects.open().exists(), "the run to end")
        writes = [r.status for r in filled.github.requests if r.method == "PUT"]
        assert writes == statuses
        filled.github.requests.clear()
    assert filled.github.repository.find("main", "contents/Redis/two.yaml")


def test_a_repository_that_is_renamed_back(filled: Hub) -> None:
    for name in (NEW, OLD):
        filled.github.rename(name)
        filled.refresh()
    run, paths = filled.count()
    assert (run.status, run.detail, repositories(paths)) == (RunStatus.UNCHANGED, "", {OLD})
    assert not RenamedRepository.objects.exists()


def test_a_repository_that_is_not_found_under_its_new_name(filled: Hub) -> None:
    filled.github.rename(NEW)
    filled.refresh()
    filled.github.former_names.clear()
    filled.github.name = OLD  # deleted there, and restored under the configured name
    run = filled.refresh()
    assert (run.status, run.reason) == (RunStatus.FAILED, Reason.NOT_FOUND)
    run, paths = filled.count()
    assert (run.status, run.detail, repositories(paths)) == (RunStatus.UNCHANGED, "", {OLD})


def test_the_former_name_is_asked_again_after_a_day(filled: Hub) -> None:
    filled.github.rename(NEW)
    filled.refresh()
    RenamedRepository.objects.update(seen_at=timezone.now() - timedelta(days=2))
    _, paths = filled.count()
    assert repositories(paths) == {OLD}
    _, paths = filled.count()
    assert repositories(paths) == {NEW}


class Counter:
    """A request budget that only counts."""

    def __init__(self) -> None:
        self.points: list[int] = []

    def spend(self, _: int, resource: Resource, points: int = READ) -> None:
        self.points.append(points)


def test_a_redirect_costs_budget_like_a_request(hub: Hub) -> None:
    GitHubToken.objects.bulk_create([GitHubToken(name="one", secret=TOKEN)])
    hub.fill("Redis/alert.yaml")
    hub.github.rename(NEW)
    budget = Counter()
    client = GitHubClient(hub.github.url, TokenPool(), budget, timeout=(1, 1))  # type: ignore[arg-type]
    client.write_file(OLD, "main", "x", b"x", "Write x", "")
    assert budget.points == [WRITE, WRITE, READ]
    assert len(hub.github.requests) == 3
    client.root_tree(OLD, "main")
    assert budget.points[3:] == [READ]


def test_a_redirect_to_the_same_repository_is_no_rename(hub: Hub) -> None:
    hub.add_token()
    hub.fill("Redis/alert.yaml")
    where = f"/repos/{OLD}/git/trees/main?again"
    hub.github.faults.append(Fault(f.answer(302, {}, {"Location": where}), "trees/main", times=1))
    assert hub.refresh().status == RunStatus.PUBLISHED
    assert not RenamedRepository.objects.exists()


def test_without_its_name_the_path_of_the_redirect_is_used(filled: Hub) -> None:
    filled.github.rename(NEW)
    filled.github.faults.append(Fault(_fail_without_a_rest))
    filled.refresh()
    _, paths = filled.count()
    assert len(paths) == 1
    assert paths[0].startswith("/repositories/")
    run = filled.refresh()
    assert run.detail.startswith(f"GitHub has renamed {OLD} to /repositories/")
    assert run.detail in Client().get("/status").content.decode()


def _fail_without_a_rest(handler: Any) -> bool:
    """Answer 403 to requests for a repository itself."""
    is_repository = handler.path.count("/") == 2
    return is_repository and f.answer(403, {"message": "Forbidden"})(handler)


def test_pages_say_so_and_link_to_the_new_name(filled: Hub, settings: Any) -> None:
    filled.github.rename(NEW)
    filled.refresh()
    page = Client().get("/status").content.decode()
    assert f"GitHub has renamed {OLD} to {NEW}" in page
    status = Client().get("/api/v1/status").json()
    assert (status["source"]["repository"], status["source"]["renamed_to"]) == (OLD, NEW)
    settings.GITHUB_API_URL = "https://api.github.com"
    assert f"https://github.com/{NEW}/tree/main/contents" in Client().get("/").content.decode()


def test_a_push_of_the_renamed_repository_counts(filled: Hub) -> None:
    source = replace(configured_source(), renamed_to=NEW)
    for name, counts in ((OLD, True), (NEW, True), (NEW.upper(), True), ("other/name", False)):
        payload = {"repository": {"full_name": name}, "ref": "refs/heads/main"}
        assert is_of_source(payload, source) is counts
    assert not is_of_source({"repository": {"full_name": ""}, "ref": "refs/heads/main"}, source)
