"""Sort orders of the catalogue: their labels, their rules in words, and in SQL."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from operator import add
from typing import Any

from django.db.models import Case, F, IntegerField, Max, OuterRef, QuerySet, Subquery, Sum, When
from django.db.models.functions import Cast, Coalesce, Greatest, Lower
from django.db.models.lookups import GreaterThanOrEqual

from hub.content.kinds import KINDS
from hub.models import DailyViews, Exporter, ExporterContents

_TREND = timedelta(days=7)
# Fewer views say nothing about popularity: a few readers would move an exporter.
MIN_VIEWS = 20


@dataclass(frozen=True)
class SortOrder:
    """A sort order. `rule` says how it sorts; `keys` takes today's date and the source's key."""

    label: str
    rule: str
    keys: Callable[[date, str], tuple[Any, ...]]


def _popular(today: date, source: str) -> tuple[Any, ...]:
    return (
        Coalesce(Subquery(_usable_kinds(source)), 0).desc(),
        F("stars").desc(nulls_last=True),
        _enough(F("views")).desc(),
        Lower("title"),
        "pk",
    )


def _recent(today: date, source: str) -> tuple[Any, ...]:
    # `Greatest` ignores nulls.
    recent = Greatest(contents_changed_at(source), "last_release_at", "added_at")
    return (recent.desc(), *_popular(today, source))


def _trending(today: date, source: str) -> tuple[Any, ...]:
    views = Coalesce(Subquery(_recent_views(today)), 0)
    return (_enough(views).desc(), *_popular(today, source))


_POPULAR_RULE = f"most usable content, then most stars, then most views (from {MIN_VIEWS})"
SORTS = {
    "relevance": SortOrder("Relevance", "Best match first", lambda *_: ()),
    "popular": SortOrder("Popular", f"In this order: {_POPULAR_RULE}, then by name", _popular),
    "recent": SortOrder("Recent", "Newest content, release or entry first", _recent),
    "trending": SortOrder(
        "Trending",
        f"Most views in the last {_TREND.days} days first (from {MIN_VIEWS}), then as Popular",
        _trending,
    ),
    "name": SortOrder("Name", "By name, from A to Z", lambda *_: (Lower("title"), "pk")),
}


def ordered(
    exporters: "QuerySet[Exporter]", order: str, today: date, source: str
) -> "QuerySet[Exporter]":
    """Sort `exporters` by a key of `SORTS`; "relevance" keeps their order."""
    keys = SORTS[order].keys(today, source)
    return exporters.order_by(*keys) if keys else exporters


def _enough(views: Any) -> Any:
    """Return the views, or 0 if they are too few to say anything."""
    return Case(When(GreaterThanOrEqual(views, MIN_VIEWS), then=views), default=0)


def contents_changed_at(source: str) -> Subquery:
    """Return when a directory of an exporter last changed in `source`."""
    rows = ExporterContents.objects.filter(source=source, exporter=OuterRef("pk"))
    newest = rows.order_by().values("exporter").annotate(newest=Max("changed_at"))
    return Subquery(newest.values("newest"))


def _usable_kinds(source: str) -> Any:
    """Count the kinds of usable content in all directories of an exporter."""
    kinds = (Max(Cast(kind.usable_field, IntegerField())) for kind in KINDS)
    count = reduce(add, (Coalesce(kind, 0) for kind in kinds))
    rows = ExporterContents.objects.filter(source=source, exporter=OuterRef("pk"))
    return rows.order_by().values("exporter").annotate(kinds=count).values("kinds")


def _recent_views(today: date) -> Any:
    """Sum the views of the last seven days, including today."""
    counted = DailyViews.objects.filter(exporter=OuterRef("pk"), day__gt=today - _TREND)
    return counted.values("exporter").annotate(recent=Sum("views")).values("recent")
