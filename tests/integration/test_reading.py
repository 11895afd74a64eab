"""Tests of the API, the catalogue page and the commands."""

import gzip
import json
import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from hub.content.kinds import KINDS, LETTERS
from hub.models import Category, Exporter, RefreshRun, ServedContents
from tests.common.processes import Process
from tests.common.waiting import wait_until
from tests.conftest import Hub


@pytest.fixture
def filled(hub: Hub) -> Hub:
    hub.add_token()
    hub.fill("Redis/alert.yaml", "Redis/dashboard.json", "Odd One/values.yaml")
    category = Category.objects.create(name="Database")
    for title in ("Redis Metrics Exporter", "MySQL"):
        Exporter.objects.create(
            slug=title.lower().replace(" ", "-"),
            title=title,
            repository=f"https://github.com/tests/{title.replace(' ', '-')}",
            category=category,
        )
    hub.refresh()
    return hub


def test_the_map(filled: Hub) -> None:
    answer = Client().get("/api/v1/contents")
    body = answer.json()
    assert body["contents"] == {
        "MySQL": {"E": True, "I": False, "A": False, "G": False},
        "Odd One": {"E": False, "I": True, "A": False, "G": False},
        "Redis": {"E": True, "I": False, "A": True, "G": True},
    }
    assert body["source"]["demo"] is False
    assert int(answer["Hub-Snapshot-Age"]) < 60
    assert "max-age" in answer["Cache-Control"]


def test_every_response_has_the_kinds_in_the_order_of_the_registry(filled: Hub) -> None:
    body = Client().get("/api/v1/contents").json()
    assert {tuple(said) for said in body["contents"].values()} == {("E", *LETTERS)}
    assert {tuple(said) for said in body["usable"].values()} == {LETTERS}
    catalogued = Client().get("/api/v1/exporters").json()["exporters"]
    assert {tuple(key for key in said if len(key) == 1) for said in catalogued} == {("E", *LETTERS)}
    page = Client().get("/exporters/mysql").content.decode()
    labels = [kind.tab.label for kind in KINDS]
    tabs = re.findall(r'<a href="/exporters/mysql/[^"]+">([^<]+)</a></li>', page)
    assert [tab for tab in tabs if tab in labels] == labels
    for kind in KINDS:
        assert Client().get(f"/exporters/mysql/{kind.tab.name}").status_code == 200


def test_etag_and_gzip(filled: Hub) -> None:
    client = Client()
    plain = client.get("/api/v1/contents")
    packed = client.get("/api/v1/contents", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.content) == plain.content
    assert packed["ETag"] == plain["ETag"]
    opaque = plain["ETag"].removeprefix("W/")
    for known in (plain["ETag"], opaque, f'"other", {plain["ETag"]}', "*"):
        same = client.get("/api/v1/contents", headers={"If-None-Match": known})
        assert (same.status_code, same.content) == (304, b"")
        assert same["Hub-Snapshot-Age"]
        for name in ("ETag", "Cache-Control", "Vary"):
            assert same[name] == packed[name]
    for other in ('"other"', opaque.strip('"'), opaque[:-1]):
        answer = client.get("/api/v1/contents", headers={"If-None-Match": other})
        assert answer.status_code == 200


def test_reading_writes_nothing_and_sends_no_request_to_github(filled: Hub) -> None:
    before = ServedContents.objects.values_list("rendered_at", flat=True).get()
    filled.github.requests.clear()
    for path in (
        "/",
        "/coverage",
        "/coverage.csv",
        "/api/v1/contents",
        "/api/v1/contents/Redis",
        "/api/v1/status",
    ):
        assert Client().get(path).status_code == 200
    assert filled.github.requests == []
    assert ServedContents.objects.values_list("rendered_at", flat=True).get() == before


def test_one_directory(filled: Hub) -> None:
    body = Client().get("/api/v1/contents/Odd%20One").json()
    assert (body["directory"], body["I"], body["exporter"]) == ("Odd One", True, None)
    assert body["evidence"]["I"] == ["values.yaml"]
    missing = Client().get("/api/v1/contents/nothing")
    assert missing.status_code == 404
    assert "lists all directories" in missing.json()["detail"]


def test_status_and_runs(filled: Hub) -> None:
    for _ in range(3):
        filled.refresh()
    status = Client().get("/api/v1/status").json()
    assert (status["state"], status["directories"], status["tokens"]) == ("fresh", 2, 1)
    assert status["next_refresh"] is not None
    first = Client().get("/api/v1/runs?limit=3").json()
    rest = Client().get(f"/api/v1/runs?before={first['next_before']}").json()
    numbers = [run["run"] for run in first["runs"] + rest["runs"]]
    assert numbers == list(RefreshRun.objects.values_list("pk", flat=True))
    assert rest["next_before"] is None
    assert Client().get(f"/api/v1/runs/{numbers[0]}").json()["status"] == "unchanged"
    assert Client().get("/api/v1/runs/99999999").status_code == 404
    assert Client().get("/api/v1/runs?limit=0").status_code == 422


def test_the_openapi_document_and_its_page(db: None) -> None:
    document = Client().get("/api/v1/openapi.json").json()
    assert set(document["paths"]) == {
        "/api/v1/contents",
        "/api/v1/contents/{directory}",
        "/api/v1/exporters",
        "/api/v1/exporters/{slug}",
        "/api/v1/exporters/{slug}/files",
        "/api/v1/exporters/{slug}/metrics",
        "/api/v1/metrics",
        "/api/v1/files/{sha}",
        "/api/v1/files/{sha}/report",
        "/api/v1/changes",
        "/api/v1/edits",
        "/api/v1/edits/{edit}",
        "/api/v1/status",
        "/api/v1/runs",
        "/api/v1/runs/{run}",
    }
    page = Client().get("/api/v1/docs").content.decode()
    assert "https://cdn" not in page
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code></h2>" in page
    refs = set(re.findall(r'href="#(schema\.\w+)"', page))
    assert refs
    assert all(f'id="{ref}"' in page for ref in refs)
    assert '<html lang="en"' in page
    assert len(gzip.compress(page.encode())) < 40_000


def test_the_page_shows_badges_as_text(filled: Hub) -> None:
    page = Client().get("/").content.decode()
    assert "Redis Metrics Exporter" in page
    assert "Alerting rules: usable" in page
    assert "1 directory without an exporter" in page
    assert "Odd One" in Client().get("/coverage").content.decode()


def test_a_change_of_the_catalogue_is_rendered_at_once(filled: Hub) -> None:
    Exporter.objects.create(
        slug="odd-one",
        title="Odd One",
        repository="https://github.com/tests/odd",
        category=Category.objects.get(),
    )
    assert Client().get("/api/v1/contents").json()["contents"]["Odd One"]["E"] is True
    Exporter.objects.get(slug="mysql").delete()
    assert "MySQL" not in Client().get("/api/v1/contents").json()["contents"]


def test_an_overdue_map_is_stale(filled: Hub) -> None:
    ServedContents.objects.update(fresh_until=timezone.now() - timedelta(seconds=1))
    body = Client().get("/api/v1/contents").json()
    assert (body["state"], body["reason"]) == ("stale", "overdue")
    assert body["contents"]["Redis"]["A"] is True
    assert filled.refresh().status == "unchanged"
    assert Client().get("/api/v1/contents").json()["state"] == "fresh"


def test_an_empty_hub_lists_its_catalogue_as_unknown(db: None) -> None:
    call_command("importcatalogue", stdout=StringIO())
    contents = Client().get("/api/v1/contents").json()["contents"]
    assert len(contents) >= 40
    assert {tuple(kinds.values()) for kinds in contents.values()} == {(True, None, None, None)}
    page = Client().get("/").content.decode()
    assert "Alerting rules: unknown" in page


@pytest.mark.parametrize("sample", ["slug,title\na,b\n", "\xff"])
def test_a_bad_catalogue_changes_nothing(db: None, tmp_path: object, sample: str) -> None:
    file = tmp_path / "bad.csv"  # type: ignore[operator]
    file.write_bytes(sample.encode("latin-1"))
    with pytest.raises(CommandError, match=r"bad\.csv"):
        call_command("importcatalogue", str(file))
    assert not Exporter.objects.exists()


def test_exit_codes_of_refresh(hub: Hub) -> None:
    def run(*options: str) -> tuple[int, str]:
        out = StringIO()
        with pytest.raises(SystemExit) as end:
            call_command("refresh", *options, stdout=out, stderr=StringIO())
        return end.value.code, out.getvalue()  # type: ignore[return-value]

    code, text = run()
    assert code == 3
    assert "no GitHub token" in text
    hub.add_token()
    hub.fill("Redis/alert.yaml")
    code, text = run("--json")
    assert (code, json.loads(text)["status"]) == (0, "published")
    out = StringIO()
    call_command("status", stdout=out)
    assert "1 directories" in out.getvalue()


def test_beat_starts_a_run(hub: Hub) -> None:
    """A real beat, with the interval in Postgres set to one second."""
    hub.add_token()
    hub.fill("Redis/alert.yaml")
    entry = PeriodicTask.objects.get(name="Refresh contents")
    entry.interval, _ = entry.interval.__class__.objects.get_or_create(every=1, period="seconds")
    entry.save()
    beat = Process(
        "celery", "--app=config", "beat", "--pidfile=", "--max-interval=1", "--loglevel=INFO"
    )
    beat.start()
    try:
        beat.wait_for_output("Sending due task Refresh contents")
        run = wait_until(
            RefreshRun.objects.filter(finished_at__isnull=False, trigger="schedule").first,
            "the scheduled run",
        )
        assert run.status in ("published", "unchanged")
    finally:
        beat.stop()
