"""What is left of a source that the settings named before, and of files that were removed."""

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from hub.content.editing import EditProposal, submit_edit
from hub.content.housekeeping import BY_SOURCE, former_sources, prune_contents
from hub.github.git_objects import blob_sha
from hub.github.renames import store_rename
from hub.github.source import configured_source
from hub.models import (
    Category,
    ContentBlob,
    ContentEdit,
    ContentTree,
    DirectoryOwner,
    EditAction,
    Exporter,
    ExporterContents,
    RefreshRun,
    RenamedRepository,
    RunStatus,
    RunTrigger,
    ServedContents,
    TreeListing,
)
from tests.common import contents
from tests.common.waiting import wait_until
from tests.conftest import Hub
from tests.integration.access_control.addresses import PAGES

# Names that only the former source has.
MARKS = ("formerbranch", "redis_alerts", "formerdir", "FormerAlert", "formernote")
RULES = contents.alert("FormerAlert")
SHARED = contents.alert("Shared")
SECRET = contents.alert("Secret", "password == 0")
LISTS = (
    *("", "?sort=recent", "?usable=A", "?q=FormerAlert"),
    *("exporters/redis/iac", "exporters/redis/alerts", "exporters/redis/dashboards"),
    *("api/v1/changes?exporter=redis", "admin/", "admin/hub/exporter/?directory=yes"),
    *("admin/hub/exporter/", "admin/hub/exportercontents/", "admin/hub/refreshrun/"),
    *("admin/hub/contentedit/", "admin/hub/exportercontents/?q=former"),
)


def published(hub: Hub) -> RefreshRun:
    run = hub.refresh()
    assert run.status == RunStatus.PUBLISHED
    return run


def admin() -> Client:
    client = Client()
    client.force_login(
        User.objects.get_or_create(username="root", is_staff=True, is_superuser=True)[0]
    )
    return client


def status_of(sha: str, part: str = "") -> int:
    return Client().get(f"/api/v1/files/{sha}{part}").status_code


@pytest.fixture
def former(hub: Hub, settings: Any) -> str:
    """The key of a former source with all kinds of data; the configured one is published too."""
    hub.add_token()
    Exporter.objects.create(
        slug="redis",
        title="Redis",
        repository="https://github.com/tests/redis_exporter",
        category=Category.objects.create(name="Database"),
    )
    settings.GITHUB_BRANCH = "formerbranch"
    write = hub.github.repository.write
    write("contents/formerdir/shared.yaml", SHARED, branch="formerbranch")
    published(hub)
    write("contents/redis_alerts/alert.yaml", RULES, branch="formerbranch")
    published(hub)
    proposal = EditProposal("formerdir", "formernote.md", EditAction.WRITE, text="formernote")
    _, started = submit_edit(proposal, None)
    wait_until(lambda: not RefreshRun.objects.get(pk=started.run.pk).is_open, "the edit's run")
    key = configured_source().key
    DirectoryOwner.objects.create(source=key, directory="formerdir", exporter=None)
    settings.GITHUB_BRANCH = "main"
    hub.write("Other/shared.yaml", SHARED)
    published(hub)
    return key


def test_no_address_shows_a_former_source(former: str) -> None:
    run = RefreshRun.objects.filter(source=former).latest("pk").pk
    values = {
        "<slug:slug>": "redis",
        "<slug>": "redis",
        "<text:directory>": "redis_alerts",
        "<str:directory>": "formerdir",
        "<sha>": blob_sha(RULES),
        "<slug:sha>": blob_sha(RULES),
        "<int:run>": str(run),
    }
    row = ExporterContents.objects.filter(source=former).latest("pk").pk
    edit = ContentEdit.objects.get(source=former).pk
    of_former = {
        f"api/v1/edits/{edit}": 404,
        f"admin/hub/refreshrun/{run}/change/": 302,
        f"admin/hub/exportercontents/{row}/change/": 302,
        f"admin/hub/contentedit/{edit}/change/": 302,
    }
    addresses = dict.fromkeys(LISTS, 200) | {"status/live": 200} | of_former
    for route in PAGES.split():
        parts = [values.get(part, part) for part in route.split("/")]
        names_a_row = any(part in route for part in ("directory>", "sha>", "<int:run>", "/logo"))
        addresses["/".join(parts)] = 404 if names_a_row else 200
    for address, status in addresses.items():
        answer = admin().get(f"/{address}")
        assert answer.status_code == status, address
        # A page may repeat its own address.
        text = answer.content.decode()
        shown = [mark for mark in MARKS if mark in text and mark not in address]
        assert shown == [], address


def test_an_exporters_state_is_that_of_the_configured_source(former: str, settings: Any) -> None:
    assert "Alerting rules: missing" in Client().get("/exporters/redis/badge.svg").content.decode()
    assert "lastmod" not in Client().get("/sitemap.xml").content.decode()
    assert "/exporters/redis" not in Client().get("/?updated=1").content.decode()
    settings.GITHUB_BRANCH = "formerbranch"
    assert "Alerting rules: usable" in Client().get("/exporters/redis/badge.svg").content.decode()
    assert "lastmod" in Client().get("/sitemap.xml").content.decode()
    assert "/exporters/redis" in Client().get("/?updated=1").content.decode()


# --- files ----------------------------------------------------------------------------------------


def test_a_file_is_served_while_the_served_source_names_it(former: str, settings: Any) -> None:
    for part in ("", "/report"):
        assert status_of(blob_sha(SHARED), part) == 200
        assert status_of(blob_sha(RULES), part) == 404
    settings.GITHUB_BRANCH = "formerbranch"
    assert (status_of(blob_sha(SHARED)), status_of(blob_sha(RULES))) == (200, 200)


def test_a_removed_file_is_not_served_again(hub: Hub) -> None:
    hub.add_token()
    hub.write("Redis/alert.yaml", SECRET)
    published(hub)
    sha = blob_sha(SECRET)
    answer = Client().get(f"/api/v1/files/{sha}")
    assert answer.status_code == 200
    # No cache keeps it for longer than a minute.
    assert re.fullmatch(r"public, max-age=\d\d", answer["Cache-Control"])
    hub.write("Redis/alert.yaml", RULES)
    # A file's name does not make another file readable.
    hub.write(f"Redis/{sha}", b"hello")
    published(hub)
    assert status_of(sha) == status_of(sha, "/report") == 404
    unchanged = Client().get(f"/api/v1/files/{sha}", headers={"If-None-Match": answer["ETag"]})
    assert unchanged.status_code == 404


@pytest.fixture
def removed(hub: Hub) -> Hub:
    """A hub with a secret that was published, and then removed from the repository."""
    hub.add_token()
    hub.write("Redis/alert.yaml", SECRET)
    hub.write("Kafka/shared.yaml", SHARED)
    published(hub)
    hub.write("Redis/alert.yaml", RULES)
    published(hub)
    return hub


def let_pass(time: timedelta) -> None:
    """Move the times of trees and files into the past."""
    for row in ContentTree.objects.all():
        row.learned_at -= time
        row.unused_since = row.unused_since and row.unused_since - time
        row.save()
    for blob in ContentBlob.objects.all():
        ContentBlob.objects.filter(pk=blob.pk).update(learned_at=blob.learned_at - time)


def test_a_removed_file_is_deleted_after_the_set_time(removed: Hub, settings: Any) -> None:
    let_pass(settings.RUN_DEADLINE)
    prune_contents()
    let_pass(settings.REMOVED_FILES_KEPT - timedelta(minutes=1))
    prune_contents()
    assert ContentBlob.objects.filter(pk=blob_sha(SECRET)).exists()
    let_pass(timedelta(minutes=1))
    prune_contents()
    shas = set(ContentBlob.objects.values_list("pk", flat=True))
    assert shas == {blob_sha(RULES), blob_sha(SHARED)}
    rows = ExporterContents.objects.values_list("tree_sha", flat=True)
    assert set(ContentTree.objects.values_list("pk", flat=True)) == set(rows)
    assert removed.refresh().status == RunStatus.UNCHANGED
    assert status_of(blob_sha(RULES)) == 200


def test_a_file_that_comes_back_is_kept(removed: Hub, settings: Any) -> None:
    let_pass(settings.RUN_DEADLINE)
    prune_contents()
    assert ContentTree.objects.filter(unused_since__isnull=False).count() == 1
    removed.write("Redis/alert.yaml", SECRET)
    published(removed)
    let_pass(settings.REMOVED_FILES_KEPT)
    prune_contents()
    assert status_of(blob_sha(SECRET)) == 200


def test_nothing_is_deleted_while_a_run_may_publish_it(removed: Hub, settings: Any) -> None:
    let_pass(settings.RUN_DEADLINE)
    prune_contents()
    let_pass(settings.REMOVED_FILES_KEPT)
    run = RefreshRun.objects.create(
        source="another", trigger=RunTrigger.COMMAND, deadline=timezone.now() + timedelta(minutes=5)
    )
    prune_contents()
    assert ContentBlob.objects.filter(pk=blob_sha(SECRET)).exists()
    run.delete()
    prune_contents()
    assert not ContentBlob.objects.filter(pk=blob_sha(SECRET)).exists()


def test_a_file_that_another_directory_has_is_kept(removed: Hub, settings: Any) -> None:
    removed.write("Copy/alert.yaml", SECRET)
    published(removed)
    let_pass(settings.RUN_DEADLINE)
    prune_contents()
    let_pass(settings.REMOVED_FILES_KEPT)
    prune_contents()
    assert status_of(blob_sha(SECRET)) == 200


# --- manage.py forgetsource -----------------------------------------------------------------------


def forget(*arguments: str) -> str:
    output = StringIO()
    call_command("forgetsource", *arguments, stdout=output)
    return output.getvalue()


def test_every_model_with_a_source_is_deleted() -> None:
    models = apps.get_app_config("hub").get_models()
    named = {model for model in models if "source" in {f.name for f in model._meta.get_fields()}}
    assert set(BY_SOURCE) == named


def test_without_arguments_it_lists_the_former_sources(former: str) -> None:
    assert forget() == f"{former}  (2 directories)\n"


def test_it_deletes_everything_that_belongs_to_the_source(former: str, settings: Any) -> None:
    store_rename("tests/exporters", "/repositories/1", "tests/formernote")
    before = Client().get("/api/v1/contents").json()
    assert all(model.objects.filter(source=former).exists() for model in BY_SOURCE)  # type: ignore[attr-defined]
    assert "Deleted" in forget(former, "--yes")
    for model in BY_SOURCE:
        assert not model._default_manager.filter(source=former).exists(), model
    assert former_sources() == {}
    assert not RenamedRepository.objects.exists()
    assert set(ContentBlob.objects.values_list("pk", flat=True)) == {blob_sha(SHARED)}
    assert ContentTree.objects.count() == 1
    listed = str(list(TreeListing.objects.values_list("entries", flat=True)))
    assert not [mark for mark in MARKS if mark in listed]
    assert Client().get("/api/v1/contents").json() == before
    assert status_of(blob_sha(SHARED)) == 200


def test_the_configured_source_still_refreshes(former: str, hub: Hub) -> None:
    forget(former, "--yes")
    assert hub.refresh().status == RunStatus.UNCHANGED
    hub.write("Other/more.yaml", RULES)
    published(hub)


def test_it_refuses_the_configured_source(former: str) -> None:
    ours = configured_source().key
    with pytest.raises(CommandError, match="is the source that this hub serves"):
        forget(ours, "--yes")
    assert ServedContents.objects.filter(pk=ours).exists()


def test_it_refuses_an_unknown_source(former: str) -> None:
    with pytest.raises(CommandError, match="no data of another"):
        forget("another", "--yes")


def test_it_refuses_while_a_run_is_open(former: str) -> None:
    run = RefreshRun.objects.create(
        source=configured_source().key,
        trigger=RunTrigger.COMMAND,
        deadline=timezone.now() + timedelta(minutes=5),
    )
    with pytest.raises(CommandError, match=f"run {run.pk} of .* is open"):
        forget(former, "--yes")
    run.delete()
    assert ServedContents.objects.filter(pk=former).exists()


@pytest.mark.parametrize("answer", ["", "y", "no"])
def test_it_asks_for_confirmation(
    former: str, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(f"{answer}\n" if answer else ""))
    with pytest.raises(CommandError, match="Nothing was deleted"):
        forget(former)
    assert ServedContents.objects.filter(pk=former).exists()
    monkeypatch.setattr("sys.stdin", StringIO("yes\n"))
    assert "Deleted" in forget(former)
