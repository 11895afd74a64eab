"""Tests of stored files: fetched once, judged, served, and grouped by exporter."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from hub.content import judgement as rules
from hub.content.housekeeping import prune_contents
from hub.demo.fake_github import Repository
from hub.demo.fake_github import faults as f
from hub.models import (
    Category,
    Change,
    ContentBlob,
    ContentTree,
    DirectoryOwner,
    Exporter,
    RefreshRun,
    RunStatus,
    ServedContents,
    Snapshot,
    TreeListing,
)
from tests.common import contents
from tests.conftest import Hub

ATOM = "{http://www.w3.org/2005/Atom}"


def get(path: str) -> dict:
    answer = Client().get(path)
    assert answer.status_code == 200, answer.content
    return answer.json()


def requests_for_files(hub: Hub) -> int:
    paths = [request.path for request in hub.github.requests]
    return sum(path == "/graphql" or "/git/blobs/" in path for path in paths)


def exporter(title: str) -> Exporter:
    category, _ = Category.objects.get_or_create(name="Database")
    slug = title.lower().replace(" ", "-")
    repository = f"https://github.com/tests/{slug}"
    return Exporter.objects.create(slug=slug, title=title, repository=repository, category=category)


@pytest.fixture
def redis(hub: Hub) -> Hub:
    """One exporter with two directories, published."""
    exporter("Redis Metrics Exporter")
    hub.add_token()
    hub.write("Redis/Redis_alert.yaml", contents.alert("RedisDown"))
    hub.write("Redis_Exporter/nc/v1.9.0/Redis_dashboard.json", contents.dashboard("Old"))
    hub.write("Redis_Exporter/nc/v1.10.0/Redis_dashboard.json", contents.dashboard("New"))
    hub.write("Odd/README.md", b"# Odd\n")
    hub.refresh()
    return hub


def test_the_real_contents_are_correct(hub: Hub, real_contents: Path) -> None:
    hub.github.repository = Repository.of_folder(real_contents)
    hub.add_token()
    assert hub.refresh().status == RunStatus.PUBLISHED
    truth = json.loads((real_contents / "truth.json").read_text())
    served = get("/api/v1/contents")
    for name, said in truth.items():
        entry = get(f"/api/v1/contents/{name}")
        assert {kind: entry[kind] for kind in "IAG"} == {kind: said[kind] for kind in "IAG"}
        assert entry["usable"] == served["usable"][name] == said["usable"]
    broken = get("/api/v1/contents/Redis")["findings"]
    assert [(finding["path"], finding["level"]) for finding in broken] == [
        ("helm-chart/template", "error")
    ]


def test_known_files_are_never_fetched_again(hub: Hub, real_contents: Path) -> None:
    hub.github.repository = Repository.of_folder(real_contents)
    hub.add_token()
    hub.github.requests.clear()
    run = hub.refresh()
    assert run.status == RunStatus.PUBLISHED
    assert requests_for_files(hub) <= run.to_look_up
    assert run.requests_asked - run.requests <= 2.1 * run.to_look_up
    # other trees with the same blobs: directories that moved, as on another branch
    moved = Repository()
    for entry in hub.github.repository.walk(hub.github.repository.resolve("main")):
        if entry.type == "blob" and entry.path.startswith("contents/"):
            path = entry.path.replace("contents/", "contents/Moved_", 1)
            moved.write(path, hub.github.repository.blob(entry.sha))
            moved.write(f"{path}.png", b"")  # so that every tree has a new SHA
    hub.github.repository = moved
    hub.github.requests.clear()
    assert hub.refresh(shrink_accepted=True).status == RunStatus.PUBLISHED
    assert requests_for_files(hub) == 0
    assert get("/api/v1/contents")["contents"]["Moved_Redis"]["I"] is True


def test_a_blob_that_fails_keeps_the_last_good_entry(redis: Hub) -> None:
    redis.write("Redis/Redis_dashboard.json", contents.dashboard())
    redis.break_files(f.server_error())
    redis.write("Odd/values.yaml", contents.VALUES)
    assert redis.refresh().failed == 2
    served = get("/api/v1/contents")
    assert served["contents"]["Redis"]["G"] is False
    assert served["stale"]["Redis"]["reason"] == "server_fault"
    redis.github.faults.clear()
    redis.refresh()
    assert get("/api/v1/contents")["contents"]["Redis"]["G"] is True


def test_a_blob_that_does_not_match_its_sha_is_not_stored(redis: Hub) -> None:
    redis.write("Redis/Redis_dashboard.json", contents.dashboard())
    wrong = f.answer(200, {"content": "eA==", "encoding": "base64"})
    redis.break_files(wrong)
    kept = ContentBlob.objects.count()
    redis.refresh()
    assert get("/api/v1/contents")["stale"]["Redis"]["reason"] == "bad_answer"
    assert ContentBlob.objects.count() == kept


@pytest.mark.parametrize("pushed", [False, True])
def test_new_rules_judge_again_without_requests_for_files(redis: Hub, *, pushed: bool) -> None:
    unchanged, listing = redis.count()
    assert unchanged.status == RunStatus.UNCHANGED
    before = list(ContentTree.objects.order_by("pk").values("pk", "judgement", "kinds"))
    older = rules.RULES_VERSION - 1
    ContentTree.objects.update(rules=older, judgement={"files": {}, "findings": []}, kinds={})
    ContentBlob.objects.update(rules=older, report={"format": "yaml"})
    Snapshot.objects.update(rules=older)
    if pushed:
        redis.github.repository.write("elsewhere", b"")
    run, paths = redis.count()
    assert run.status == RunStatus.PUBLISHED
    assert paths == listing  # only the root tree
    assert list(ContentTree.objects.order_by("pk").values("pk", "judgement", "kinds")) == before
    assert get("/api/v1/contents")["contents"]["Redis"]["A"] is True
    assert not ContentBlob.objects.exclude(rules=rules.RULES_VERSION).exists()
    assert not ContentTree.objects.exclude(rules=rules.RULES_VERSION).exists()


def test_the_files_of_an_exporter(redis: Hub) -> None:
    body = get("/api/v1/exporters/redis-metrics-exporter/files")
    assert body["directories"] == ["Redis", "Redis_Exporter"]
    assert (body["versions"], body["default_version"]) == (["v1.10.0", "v1.9.0"], "v1.10.0")
    files = {f"{file['directory']}/{file['path']}": file for file in body["files"]}
    alert = files["Redis/Redis_alert.yaml"]
    assert (alert["kinds"], alert["version"], alert["kept"]) == ({"A": True}, None, True)
    report = get(f"/api/v1/files/{alert['sha']}/report")
    assert report["alerts"][0]["name"] == "RedisDown"
    assert Client().get("/api/v1/exporters/nothing/files").status_code == 404


def test_a_file_is_a_download(redis: Hub) -> None:
    sha = next(
        file["sha"]
        for file in get("/api/v1/exporters/redis-metrics-exporter/files")["files"]
        if file["path"] == "Redis_alert.yaml"
    )
    answer = Client().get(f"/api/v1/files/{sha}?name=Redis/Redis_alert.yaml")
    assert answer.content == contents.alert("RedisDown")
    assert answer["Content-Type"] == "application/yaml"
    assert answer["Content-Disposition"] == 'attachment; filename="Redis_alert.yaml"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "public, max-age=60"
    again = Client().get(f"/api/v1/files/{sha}", headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304
    hostile = Client().get(f'/api/v1/files/{sha}?name=../x"%0d%0aSet-Cookie:%20a=b.html')
    assert "Set-Cookie" not in hostile.headers
    assert hostile["Content-Type"] == "text/plain; charset=utf-8"
    assert hostile["Content-Disposition"].startswith("attachment")
    for odd in ("0" * 40, "zz", "..%2f"):
        assert Client().get(f"/api/v1/files/{odd}").status_code in (404, 422)


def test_the_change_log_between_snapshots(redis: Hub) -> None:
    assert get("/api/v1/changes")["changes"] == []  # the first snapshot has no predecessor
    redis.write("Redis/Redis_alert.yaml", contents.alert(expr="up =="))
    redis.write("Redis/Redis_dashboard.json", contents.dashboard())
    redis.github.repository.delete("contents/Odd")
    redis.fill("New/values.yaml")
    redis.refresh()
    body = get("/api/v1/changes")
    assert {(c["directory"], c["kind"], c["what"]) for c in body["changes"]} == {
        ("Redis", "A", "broken"),
        ("Redis", "G", "gained"),
        ("Odd", "directory", "lost"),
        ("New", "directory", "gained"),
        ("New", "I", "gained"),
    }
    assert {change["cause"] for change in body["changes"]} == {"push"}
    own = get("/api/v1/changes?exporter=redis-metrics-exporter&limit=1")
    assert [change["kind"] for change in own["changes"]] == ["G"]
    rest = get(f"/api/v1/changes?exporter=redis-metrics-exporter&before={own['next_before']}")
    assert [change["kind"] for change in rest["changes"]] == ["A"]
    redis.refresh()
    assert Change.objects.count() == 5


def test_the_change_log_as_a_feed(redis: Hub) -> None:
    redis.write("Redis/Redis_dashboard.json", contents.dashboard())
    redis.write("Ö & <b>/values.yaml", contents.VALUES)
    redis.refresh()
    answer = Client().get("/changes.atom")
    assert answer["Content-Type"].startswith("application/atom+xml")
    feed = ElementTree.fromstring(answer.content)
    titles = [entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry")]
    assert "Redis Metrics Exporter gained Grafana dashboard" in titles
    assert "Ö & <b>: the directory Ö & <b> was added" in titles
    assert len({entry.findtext(f"{ATOM}id") for entry in feed.iter(f"{ATOM}entry")}) == 3


def test_an_admin_assigns_a_directory_to_an_exporter(redis: Hub) -> None:
    admin = Client()
    admin.force_login(User.objects.create_superuser("root"))
    mysql = exporter("MySQL")
    unmatched = admin.get("/admin/hub/exportercontents/?exporter__isempty=1").content.decode()
    assert "Odd" in unmatched
    assert ">Redis<" not in unmatched
    without = admin.get("/admin/hub/exporter/?directory=no").content.decode()
    assert "MySQL" in without
    assert "Redis Metrics" not in without
    row = mysql.contents.model.objects.get(directory="Odd")
    change = f"/admin/hub/exportercontents/{row.pk}/change/"
    assert "README.md" in admin.get(change).content.decode()
    admin.post(change, {"owner": str(mysql.pk)})
    assert get("/api/v1/contents/Odd")["exporter"] == "mysql"
    assert "MySQL" not in get("/api/v1/contents")["contents"]
    redis.write("Odd/values.yaml", contents.VALUES)
    redis.refresh()  # a run keeps an admin's assignment
    assert get("/api/v1/contents/Odd")["exporter"] == "mysql"
    admin.post(change, {"owner": "none"})
    assert get("/api/v1/contents/Odd")["exporter"] is None
    admin.post(change, {"owner": ""})
    assert not DirectoryOwner.objects.exists()


def test_unused_listings_are_deleted(redis: Hub) -> None:
    for number in range(3):
        redis.write(f"New{number}/values.yaml", contents.VALUES)
        redis.refresh()
    RefreshRun.objects.update(started_at=timezone.now() - timedelta(days=2))
    TreeListing.objects.update(learned_at=timezone.now() - timedelta(days=2))
    assert TreeListing.objects.count() == 8  # the root and the contents, four times
    prune_contents()
    assert TreeListing.objects.count() == 2
    run, paths = redis.count()
    assert (run.status, len(paths)) == (RunStatus.UNCHANGED, 1)


def test_the_change_log_outlives_the_runs(redis: Hub, settings: Any) -> None:
    redis.fill("New/values.yaml")
    redis.refresh()
    old = timezone.now() - 2 * settings.HISTORY_KEPT
    Snapshot.objects.update(published_at=old)
    RefreshRun.objects.update(finished_at=old)
    ServedContents.objects.update(snapshot=None)
    prune_contents()
    assert not RefreshRun.objects.exists()
    assert {change["run"] for change in get("/api/v1/changes")["changes"]} == {None}
