"""Data that all pages with contents share: the freshness of the map, and its directories."""

from dataclasses import replace
from typing import Any

from hub.content.kinds import KINDS
from hub.content.map import read_map
from hub.github.source import configured_source
from hub.models import ExporterContents


def page_context() -> dict[str, Any]:
    """Return the template context that all pages with contents share. At most one query a second.

    `freshness` and `running` are for includes/freshness.html, `source` is where the contents come
    from, and `known` tells whether a snapshot exists: without one, contents are unknown.
    """
    current = read_map.cached_map()
    return {
        "freshness": read_map.freshness(current.served),
        "running": current.running,
        "source": replace(configured_source(), renamed_to=current.renamed_to),
        "known": current.served.snapshot_id is not None,
    }


def contents_by_exporter(source: str) -> dict[int | None, list[Any]]:
    """Return each exporter's directories by its id; those without an exporter under None.

    Each has `directory`, `stale`, `changed_at` and the two columns of each kind. One query.
    """
    kinds = [column for kind in KINDS for column in (kind.field, kind.usable_field)]
    rows = ExporterContents.objects.filter(source=source)
    by_exporter: dict[int | None, list[Any]] = {}
    columns = ("exporter_id", "directory", "stale", "changed_at", *kinds)
    for row in rows.values_list(*columns, named=True):
        by_exporter.setdefault(row.exporter_id, []).append(row)
    return by_exporter
