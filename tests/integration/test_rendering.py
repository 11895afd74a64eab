"""What a process remembers of the rows that it rendered last, and when it reads them again."""

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.content.map import render_map
from hub.models import Exporter, ExporterContents, Release, Snapshot
from tests.common.catalogue import fill_catalogue, publish

ROWS = ExporterContents._meta.db_table


def render(written: set[str]) -> list[str]:
    """Serve the newest snapshot again; the statements that read the map's rows."""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        render_map.serve_snapshot(Snapshot.objects.latest("pk"), timezone.now(), written)
    return [query["sql"] for query in queries if f'FROM "{ROWS}"' in query["sql"]]


def alerts() -> dict[str, bool]:
    """What readers are told of alerting rules, by directory."""
    body = Client().get("/api/v1/contents").json()
    return {name: kinds["A"] for name, kinds in body["contents"].items() if name in body["usable"]}


@pytest.fixture(autouse=True)
def map_of_three(transactional_db: None) -> None:
    """Rendered by this process."""
    fill_catalogue(2)
    ExporterContents.objects.update(alerts=True)
    publish()


def test_rows_that_did_not_change_are_not_read_again() -> None:
    assert render(written=set()) == []
    assert len(alerts()) == 3
    assert all(alerts().values())


def test_rows_that_were_written_are_read() -> None:
    row = ExporterContents.objects.first()
    assert row
    ExporterContents.objects.filter(pk=row.pk).update(alerts=False)
    [statement] = render(written={row.directory})
    assert row.directory in statement
    assert alerts() == {name: name != row.directory for name in alerts()}
    row.delete()
    render(written={row.directory})
    assert row.directory not in alerts()
    assert len(alerts()) == 2


def test_what_another_process_has_rendered_is_read() -> None:
    ours = render_map._last
    ExporterContents.objects.update(alerts=False)
    publish()  # as another process does
    render_map._last = ours
    assert len(render(written=set())) == 1
    assert not any(alerts().values())


def test_what_was_never_committed_is_not_remembered() -> None:
    row = ExporterContents.objects.first()
    assert row

    with transaction.atomic():
        ExporterContents.objects.update(alerts=False)
        render(written={row.directory})
        transaction.set_rollback(True)
    render(written=set())
    assert all(alerts().values())


def test_an_exporter_that_is_gone_is_not_shown() -> None:
    row = ExporterContents.objects.exclude(exporter=None).first()
    assert row
    ExporterContents.objects.filter(pk=row.pk).update(exporter=None)
    Release.objects.all().delete()
    Exporter.objects.filter(pk=row.exporter_id)._raw_delete("default")  # nobody renders
    render(written=set())
    body = Client().get("/api/v1/contents").json()
    assert body["contents"][row.directory]["E"] is False
