"""Tests of the API's endpoints for exporters: content, queries, conditional requests."""

import gzip
import json
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from hub.catalogue.apply_import import apply_import, plan_import
from hub.models import Category, Exporter, Release
from tests.conftest import Hub


@pytest.fixture
def filled(hub: Hub) -> Hub:
    hub.add_token()
    hub.fill("Redis/alert.yaml", "Redis_Exporter/dashboard.json")
    hub.write("Kafka/alert.yaml", b"groups: [}")
    category = Category.objects.create(name="Database")
    for title in ("Redis", "Kafka", "MySQL"):
        Exporter.objects.create(
            slug=title.lower(),
            title=title,
            repository=f"https://github.com/tests/{title}",
            category=category,
            stars=5,
        )
    redis = Exporter.objects.get(slug="redis")
    for day in (1, 2):
        Release.objects.create(
            exporter=redis,
            tag=f"v{day}",
            url="https://github.com/tests/Redis/releases",
            published_at=datetime(2026, 1, day, tzinfo=UTC),
        )
    hub.refresh()
    return hub


def test_the_whole_catalogue(filled: Hub) -> None:
    answer = Client().get("/api/v1/exporters")
    exporters = {entry["slug"]: entry for entry in answer.json()["exporters"]}
    assert list(exporters) == ["kafka", "mysql", "redis"]
    redis = exporters["redis"]
    assert redis["directories"] == ["Redis", "Redis_Exporter"]
    assert (redis["E"], redis["I"], redis["A"], redis["G"]) == (True, False, True, True)
    assert redis["usable"] == {"I": False, "A": True, "G": True}
    assert (redis["category"], redis["stars"], redis["last_release"]) == ("Database", 5, "v2")
    assert exporters["kafka"]["usable"]["A"] is False
    assert exporters["mysql"]["A"] is False
    assert (exporters["mysql"]["last_release"], exporters["mysql"]["logo"]) == (None, None)


def test_304_and_gzip(filled: Hub) -> None:
    plain = Client().get("/api/v1/exporters")
    same = Client().get("/api/v1/exporters", headers={"If-None-Match": plain["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    packed = Client().get("/api/v1/exporters", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.content) == plain.content
    Exporter.objects.filter(slug="redis").update(stars=6)
    other = Client().get("/api/v1/exporters", headers={"If-None-Match": plain["ETag"]})
    assert other.status_code == 200


def test_one_exporter(filled: Hub) -> None:
    redis = Client().get("/api/v1/exporters/redis").json()
    assert [release["tag"] for release in redis["releases"]] == ["v2", "v1"]
    assert (redis["A"], redis["facts_at"], redis["facts_problem"]) == (True, None, None)
    nobody = Client().get("/api/v1/exporters/nobody")
    assert nobody.status_code == 404
    assert "/api/v1/exporters lists all exporters" in nobody.json()["detail"]


def test_contents_are_unknown_before_the_first_snapshot(db: None) -> None:
    apply_import(plan_import(b"title,repository,category\nA,https://github.com/a/a,x\n"))
    entry = Client().get("/api/v1/exporters").json()["exporters"][0]
    assert (entry["E"], entry["I"], entry["usable"]["A"], entry["stars"]) == (
        True,
        None,
        None,
        None,
    )


def test_three_queries_for_a_thousand_exporters(db: None) -> None:
    lines = "".join(f"E{n},https://github.com/tests/e{n},Database\n" for n in range(1000))
    apply_import(plan_import(f"title,repository,category\n{lines}".encode()))
    Client().get("/api/v1/exporters")
    with CaptureQueriesContext(connection) as queries:
        answer = Client().get("/api/v1/exporters")
    assert len(json.loads(answer.content)["exporters"]) == 1000
    assert len(queries) == 3
