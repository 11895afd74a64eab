"""Data that all pages with contents share: the freshness of the map, and its directories."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db.models import TextField
from django.db.models.functions import Cast

from hub.content.kinds import KINDS
from hub.content.map import read_map
from hub.github.source import configured_source
from hub.models import ExporterContents
from hub.web.pages.badges import Badges, badges_of, shared_badges


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


@dataclass(frozen=True)
class AllContents:
    """The directories of all exporters.

    Each has `directory`, `stale`, `changed_at`, the two columns of each kind, and `counts_json`.
    """

    rows: dict[int | None, list[Any]]  # by the exporter's id; None: without an exporter
    badges: dict[int | None, Badges]  # of those that have a directory
    without_directory: Badges
    fits: dict[int | None, tuple[int, int]]  # metrics that a sample contains, of those checked
    totals: list[tuple[int, str]]  # numbers of items, each with its name: charts, alerts, …

    def badges_of(self, exporter_id: int) -> Badges:
        """Return the badges of an exporter."""
        return self.badges.get(exporter_id, self.without_directory)


def fit_summary(rows: Iterable[Any]) -> tuple[int, int] | None:
    """Return how many metrics the samples of directories contain, of those that are used.

    The result is None if no directory has a sample, or nothing in them uses a metric.
    """
    checked = [row for row in rows if row.metrics_checked]
    if not checked:
        return None
    fitting = sum(row.metrics_fitting or 0 for row in checked)
    return fitting, sum(row.metrics_checked for row in checked)


def all_contents(source: str, *, known: bool) -> AllContents:
    """Return the directories of all exporters, read again after each change of the contents."""
    if not settings.PAGE_CACHE_SECONDS:
        return _read_contents(source, known)
    # 10,000 directories take a tenth of a second.
    return _cached_contents(source, known, read_map.cached_map().version)


@lru_cache(maxsize=1)
def _cached_contents(source: str, known: bool, _version: tuple[object, ...]) -> AllContents:
    return _read_contents(source, known)


def _read_contents(source: str, known: bool) -> AllContents:
    kinds = [column for kind in KINDS for column in (kind.field, kind.usable_field)]
    rows = ExporterContents.objects.filter(source=source)
    rows = rows.annotate(counts_json=Cast("counts", TextField()))
    by_exporter: dict[int | None, list[Any]] = {}
    columns = ("exporter_id", "directory", "stale", "changed_at", *kinds)
    columns = (*columns, "counts_json", "metrics_checked", "metrics_fitting")
    for row in rows.values_list(*columns, named=True):
        by_exporter.setdefault(row.exporter_id, []).append(row)
    badges = {pk: shared_badges(rows, known=known) for pk, rows in by_exporter.items()}
    fits = {pk: fit for pk, rows in by_exporter.items() if (fit := fit_summary(rows))}
    counts = [badge for found in badges.values() for badge in found]
    totals = [
        (sum(badge.count for badge in counts if badge.letter == kind.letter), kind.item)
        for kind in KINDS
    ]
    return AllContents(by_exporter, badges, badges_of([], known=known), fits, totals)
