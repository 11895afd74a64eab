"""Tests that the next publication repairs damaged rows of the map."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from hub.github.source import configured_source
from hub.models import Category, Exporter, ExporterContents, RunStatus, ServedContents
from tests.conftest import Hub

Rows = list[dict[str, Any]]


def rows() -> Rows:
    return list(
        ExporterContents.objects.order_by("directory").values(
            "directory",
            "exporter",
            "tree_sha",
            "iac",
            "alerts",
            "dashboard",
            "iac_usable",
            "alerts_usable",
            "dashboard_usable",
            "as_of",
            "stale",
        )
    )


@pytest.fixture
def filled(hub: Hub) -> Hub:
    """Redis, Kafka and MySQL, published; the first two belong to exporters."""
    category = Category.objects.create(name="Database")
    for title in ("Redis", "Kafka"):
        slug = title.lower()
        Exporter.objects.create(
            slug=slug,
            title=title,
            repository=f"https://github.com/tests/{slug}_exporter",
            category=category,
        )
    hub.add_token()
    hub.fill("Redis/alert.yaml", "Kafka/alert.yaml", "MySQL/dashboard.json")
    assert hub.refresh().status == RunStatus.PUBLISHED
    return hub


def _damage(**values: Any) -> Callable[[], None]:
    return lambda: (
        ExporterContents.objects.filter(directory="Redis").update(**values),
        None,
    )[1]


def _other_exporter() -> None:
    kafka = Exporter.objects.get(slug="kafka")
    ExporterContents.objects.filter(directory="Redis").update(exporter=kafka)


def _delete() -> None:
    ExporterContents.objects.filter(directory="Redis").delete()


def _add() -> None:
    ExporterContents.objects.create(
        source=configured_source().key, directory="Ghost", tree_sha="0" * 40, iac=True
    )


DAMAGES = {
    "letters": _damage(iac=True, iac_usable=True, alerts=False, alerts_usable=False),
    "unknown letters": _damage(alerts=None, alerts_usable=None),
    "no exporter": _damage(exporter=None),
    "another exporter": _other_exporter,
    "another tree": _damage(tree_sha="0" * 40),
    "no tree": _damage(tree_sha=""),
    "stale without a reason to be": _damage(stale="deadline"),
    "deleted": _delete,
    "an extra row": _add,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_row_is_repaired_by_the_next_publication(
    filled: Hub, damage: Callable[[], None]
) -> None:
    before, body = rows(), Client().get("/api/v1/contents").json()
    damage()
    assert rows() != before
    filled.fill("MySQL/alert.yaml")
    run, paths = filled.count()
    assert run.status == RunStatus.PUBLISHED
    assert len(paths) == 4, "the listing and the changed directory: the rest is known"
    repaired = rows()
    assert [row for row in repaired if row["directory"] != "MySQL"] == [
        row for row in before if row["directory"] != "MySQL"
    ]
    served = Client().get("/api/v1/contents").json()
    for part in ("contents", "usable"):
        assert served[part].pop("MySQL") != body[part].pop("MySQL")
        assert served[part] == body[part]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_full_refresh_repairs_a_damaged_row_without_changes_at_github(
    filled: Hub, damage: Callable[[], None]
) -> None:
    before, body = rows(), Client().get("/api/v1/contents").json()
    damage()
    filled.github.requests.clear()
    with pytest.raises(SystemExit) as ended:
        call_command("refresh", "--full", stdout=StringIO(), stderr=StringIO())
    assert ended.value.code == 0
    assert [request.status for request in filled.github.requests] == [200], "the branch alone"
    assert rows() == before
    served = Client().get("/api/v1/contents").json()
    assert served["run"] > body["run"]
    assert [served[part] for part in ("contents", "usable", "stale")] == [
        body[part] for part in ("contents", "usable", "stale")
    ]


def test_a_full_refresh_renders_bytes_that_were_damaged(filled: Hub) -> None:
    body = Client().get("/api/v1/contents").json()
    ServedContents.objects.update(body_gzip=b"")
    with pytest.raises(SystemExit):
        call_command("refresh", "--full", stdout=StringIO(), stderr=StringIO())
    assert Client().get("/api/v1/contents").json()["contents"] == body["contents"]


def test_a_normal_refresh_without_changes_sends_one_request(filled: Hub) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("refresh", stdout=StringIO(), stderr=StringIO())
    assert ended.value.code == 0
    assert [request.status for request in filled.github.requests][-1:] == [304]
