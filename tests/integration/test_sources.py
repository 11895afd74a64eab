"""Runs of a source that the settings no longer name: each works on its own, to its end.

The settings change in this process, as for a hub that was started again; the workers keep theirs.
"""

import sys
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from hub.content.editing import EditProposal, submit_edit
from hub.content.housekeeping import prune_contents
from hub.content.refresh import list_directories, lookup, publish
from hub.content.runs import refresh_runs, start_refresh
from hub.github.errors import NotFound
from hub.github.source import Source, configured_source, source_of
from hub.models import (
    Category,
    ContentEdit,
    EditAction,
    EditState,
    Exporter,
    ExporterContents,
    Outcome,
    Reason,
    RefreshRun,
    RunStatus,
    RunTrigger,
    ServedContents,
)
from tasks.housekeeping import housekeeping
from tests.common.processes import frozen
from tests.common.waiting import wait_until
from tests.conftest import Hub

ELSEWHERE = "github.example.com/tests/exporters@main:contents"


def served() -> dict[str, Any]:
    body: dict[str, Any] = Client().get("/api/v1/contents").json()
    return body


@pytest.fixture
def filled(hub: Hub) -> Hub:
    """Redis on the configured branch, published, and Kafka on the branch `next`."""
    hub.add_token()
    hub.fill("Redis/alert.yaml")
    assert hub.refresh().status == RunStatus.PUBLISHED
    hub.github.repository.write("contents/Kafka/alert.yaml", b"groups: []\n", branch="next")
    return hub


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"path": ""},
        {"path": "a/b:c@d"},
        {"branch": "feature/a@b"},
        {"api_url": "http://ghe.example.com:8080/api/v3"},
    ],
)
def test_a_key_names_its_source(settings: Any, source: dict[str, str]) -> None:
    wanted = Source(
        **{
            "api_url": "https://api.github.com",
            "repository": "owner/name",
            "branch": "main",
            "path": "contents",
            **source,
        }
    )
    settings.GITHUB_API_URL, settings.GITHUB_REPO = wanted.api_url, "another/one"
    assert source_of(wanted.key) == wanted
    settings.GITHUB_API_URL = "https://other.example.com"
    with pytest.raises(NotFound, match="GITHUB_API_URL"):
        source_of(wanted.key)


def test_a_run_of_another_branch_is_published_as_its_own(filled: Hub, settings: Any) -> None:
    ours = configured_source().key
    settings.GITHUB_BRANCH = "next"
    run = start_refresh(RunTrigger.COMMAND).run
    assert run.source == configured_source().key != ours
    wait_until(lambda: not RefreshRun.objects.get(pk=run.pk).is_open, f"{run} to end")
    assert RefreshRun.objects.get(pk=run.pk).status == RunStatus.PUBLISHED
    assert served()["contents"].keys() == {"Kafka"}
    assert served()["source"]["branch"] == "next"
    settings.GITHUB_BRANCH = "main"
    assert served()["contents"].keys() == {"Redis"}
    assert served()["source"]["branch"] == "main"
    rows = set(ExporterContents.objects.values_list("source", "directory"))
    assert rows == {(ours, "Redis"), (run.source, "Kafka")}


def test_an_edit_is_committed_to_the_branch_of_its_run(filled: Hub, settings: Any) -> None:
    """The workers are configured for `main`; the web server was started again for `next`."""
    settings.GITHUB_BRANCH = "next"
    before = filled.github.repository.resolve("main")
    proposal = EditProposal("Kafka", "note.md", EditAction.WRITE, text="hello")
    edit, started = submit_edit(proposal, None)
    wait_until(lambda: not RefreshRun.objects.get(pk=started.run.pk).is_open, "its end")
    edit.refresh_from_db()
    assert (edit.state, edit.source) == (EditState.COMMITTED, started.run.source)
    assert filled.github.repository.resolve("main") == before
    assert ServedContents.objects.get(pk=started.run.source).state == "fresh"


def test_a_run_that_fails_and_its_follow_up_are_of_its_own_source(
    filled: Hub, settings: Any
) -> None:
    ours = configured_source().key
    gone = ours.replace("@main", "@gone")
    first, _ = refresh_runs.create_or_join(
        lambda: None, source=gone, trigger=RunTrigger.COMMAND, follow_up=RunTrigger.WEBHOOK
    )
    wait_until(lambda: RefreshRun.objects.filter(source=gone).count() == 2, "the follow-up run")
    wait_until(lambda: not RefreshRun.objects.open().exists(), "its end")
    first.refresh_from_db()
    assert (first.status, first.reason) == (RunStatus.FAILED, Reason.NOT_FOUND)
    assert ServedContents.objects.get(pk=gone).reason == Reason.NOT_FOUND
    assert ServedContents.objects.get(pk=ours).state == "fresh"


def test_no_step_of_a_run_reads_the_configured_source(
    filled: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listing, committing, looking up, publishing and housekeeping know only the run's source."""
    other = configured_source().key.replace("@main", "@next")

    def refuse() -> Source:
        raise AssertionError("a step of a run read the configured source")

    for name, module in list(sys.modules.items()):
        if name.startswith("hub.") and hasattr(module, "configured_source"):
            monkeypatch.setattr(module, "configured_source", refuse)
    edit = ContentEdit.objects.create(
        source=other, directory="Kafka", path="note.md", text="hello", message="Write note.md"
    )
    with frozen(filled.workers):
        run = RefreshRun.objects.create(
            source=other,
            trigger=RunTrigger.COMMAND,
            deadline=timezone.now() + timedelta(minutes=5),
        )
        list_directories.list_and_compare(run.pk)
        for directory in run.lookups.values_list("directory", flat=True):
            assert lookup.look_up_directory(run.pk, directory)["outcome"] == Outcome.FOUND
        publish.publish(run.pk)
        refresh_runs.housekeeping()
        prune_contents()
        late = RefreshRun.objects.create(
            source=other, trigger=RunTrigger.COMMAND, deadline=timezone.now()
        )
        refresh_runs.housekeeping()
    run.refresh_from_db()
    late.refresh_from_db()
    edit.refresh_from_db()
    assert (run.status, edit.state) == (RunStatus.PUBLISHED, EditState.COMMITTED)
    assert (late.status, late.reason) == (RunStatus.FAILED, Reason.DEADLINE)
    assert ServedContents.objects.get(pk=other).snapshot_id == run.pk


def test_a_change_to_the_catalogue_reaches_the_map_of_a_former_source(
    filled: Hub, settings: Any
) -> None:
    settings.GITHUB_BRANCH = "next"
    assert filled.refresh().status == RunStatus.PUBLISHED
    category = Category.objects.create(name="Database")
    exporters = [
        Exporter.objects.create(
            slug=name.lower(),
            title=name,
            repository=f"https://github.com/tests/{name}",
            category=category,
        )
        for name in ("Redis", "Kafka")
    ]
    assert served()["contents"]["Kafka"]["E"] is True
    settings.GITHUB_BRANCH = "main"
    assert served()["contents"]["Redis"]["E"] is True
    for exporter in exporters:
        exporter.delete()
    assert set(served()["contents"]) == {"Redis"}
    assert served()["contents"]["Redis"]["E"] is False
    settings.GITHUB_BRANCH = "next"
    assert served()["contents"] == {"Kafka": {"E": False, "I": False, "A": False, "G": False}}


def test_two_sources_may_have_an_open_run_each(filled: Hub, settings: Any) -> None:
    first = start_refresh(RunTrigger.COMMAND)
    settings.GITHUB_BRANCH = "next"
    second = start_refresh(RunTrigger.COMMAND)
    assert (first.created, second.created) == (True, True)
    for started in (first, second):
        wait_until(lambda: not RefreshRun.objects.get(pk=started.run.pk).is_open, "its end")  # noqa: B023
    assert RefreshRun.objects.get(pk=second.run.pk).status == RunStatus.PUBLISHED


@pytest.mark.parametrize("key", ["next", "elsewhere"])
def test_housekeeping_closes_an_overdue_run_of_another_source(filled: Hub, key: str) -> None:
    source = ELSEWHERE if key == "elsewhere" else configured_source().key.replace("@main", "@next")
    run = RefreshRun.objects.create(
        source=source,
        trigger=RunTrigger.COMMAND,
        deadline=timezone.now() - timedelta(seconds=1),
    )
    housekeeping()
    run.refresh_from_db()
    assert (run.status, run.reason) == (RunStatus.FAILED, Reason.DEADLINE)
    assert served()["state"] == "fresh", "the configured source has not failed"
    assert ServedContents.objects.get(pk=source).reason == Reason.DEADLINE


def test_a_run_of_another_server_asks_the_configured_one_nothing(filled: Hub) -> None:
    run = RefreshRun.objects.create(
        source=ELSEWHERE,
        trigger=RunTrigger.COMMAND,
        deadline=timezone.now() + timedelta(minutes=5),
    )
    filled.github.requests.clear()
    list_directories.list_and_compare(run.pk)
    run.refresh_from_db()
    assert (run.status, run.reason) == (RunStatus.FAILED, Reason.NOT_FOUND)
    assert filled.github.requests == []
    assert served()["state"] == "fresh"


def test_a_run_of_another_server_that_looks_up_already_is_ended(filled: Hub) -> None:
    """The address of the API was changed after the run had listed."""
    listed = RefreshRun.objects.get()
    run = RefreshRun.objects.create(
        source=ELSEWHERE,
        trigger=RunTrigger.COMMAND,
        status=RunStatus.LOOKING_UP,
        listed_at=timezone.now(),
        root_sha=listed.root_sha,
        contents_sha=listed.contents_sha,
        deadline=timezone.now() + timedelta(minutes=5),
    )
    run.lookups.create(directory="Redis", tree_sha="0" * 40)
    filled.github.requests.clear()
    assert lookup.look_up_directory(run.pk, "Redis")["outcome"] == Outcome.MISSING
    assert filled.github.requests == []
    silent_since = timezone.now() - timedelta(minutes=1)
    RefreshRun.objects.filter(pk=run.pk).update(progress_at=silent_since)
    run.lookups.update(finished_at=silent_since)
    refresh_runs.housekeeping()
    wait_until(lambda: not RefreshRun.objects.get(pk=run.pk).is_open, f"{run} to end")
    assert served()["state"] == "fresh"
