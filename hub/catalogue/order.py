"""Sort orders of the catalogue."""

from datetime import date, timedelta
from functools import reduce
from operator import add
from typing import Any

from django.db.models import F, IntegerField, Max, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Cast, Coalesce, Greatest, Lower

from hub.content.kinds import KINDS
from hub.models import DailyViews, Exporter, ExporterContents

TREND = timedelta(days=7)


def ordered(
    exporters: "QuerySet[Exporter]", order: str, today: date, source: str
) -> "QuerySet[Exporter]":
    """Sort `exporters` by a key of `hub.catalogue.query.SORTS`; "relevance" keeps their order.

    Ties are broken by popularity, the amount of usable content from `source`, and the name.
    """
    popular = (
        F("views").desc(),
        Coalesce(Subquery(_usable_kinds(source)), 0).desc(),
        F("stars").desc(nulls_last=True),
        Lower("title"),
        "pk",
    )
    # `Greatest` ignores nulls.
    recent = Greatest(contents_changed_at(source), "last_release_at", "added_at")
    orders: dict[str, tuple[Any, ...]] = {
        "popular": popular,
        "recent": (recent.desc(), *popular),
        "trending": (Coalesce(Subquery(_recent_views(today)), 0).desc(), *popular),
        "name": (Lower("title"), "pk"),
    }
    return exporters if order == "relevance" else exporters.order_by(*orders[order])


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
    counted = DailyViews.objects.filter(exporter=OuterRef("pk"), day__gt=today - TREND)
    return counted.values("exporter").annotate(recent=Sum("views")).values("recent")
