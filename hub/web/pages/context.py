"""What pages that show contents read: the freshness of the map, and its rows."""

from typing import Any

from hub.content.kinds import KINDS
from hub.content.map import read_map
from hub.github.source import configured_source
from hub.models import ExporterContents


def page_context() -> dict[str, Any]:
    """For the context of each page that shows contents. One query, or none within a second.

    `freshness` and `running` are for includes/freshness.html, `source` is where the contents come
    from, and `known` says that a snapshot is there: without one, contents are unknown.
    """
    current = read_map.cached_map()
    return {
        "freshness": read_map.freshness(current.served),
        "running": current.running,
        "source": configured_source(),
        "known": current.served.snapshot_id is not None,
    }


def contents_by_exporter(source: str) -> dict[int | None, list[Any]]:
    """Exporter id → its directories; under None those that belong to no exporter. One query.

    Each has `directory`, `stale` and the two columns of each kind.
    """
    kinds = [column for kind in KINDS for column in (kind.field, kind.usable_field)]
    rows = ExporterContents.objects.filter(source=source)
    found: dict[int | None, list[Any]] = {}
    for row in rows.values_list("exporter_id", "directory", "stale", *kinds, named=True):
        found.setdefault(row.exporter_id, []).append(row)
    return found
