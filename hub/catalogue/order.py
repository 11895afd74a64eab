"""In which order the catalogue is shown."""

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
    """`exporters` in an order of `hub.catalogue.query.SORTS`; "relevance" is the search's own.

    Ties are broken by popularity, the amount of usable content from `source`, and the name.
    """
    popular = (
        F("views").desc(),
        Coalesce(Subquery(_content(source)), 0).desc(),
        F("stars").desc(nulls_last=True),
        Lower("title"),
        "pk",
    )
    recent = Greatest("contents_changed_at", "last_release_at", "added_at")  # ignores nulls
    orders: dict[str, tuple[Any, ...]] = {
        "popular": popular,
        "recent": (recent.desc(), *popular),
        "trending": (Coalesce(Subquery(_lately(today)), 0).desc(), *popular),
        "name": (Lower("title"), "pk"),
    }
    return exporters if order == "relevance" else exporters.order_by(*orders[order])


def _content(source: str) -> Any:
    """How many kinds of usable content an exporter's directories hold together."""
    kinds = (Max(Cast(kind.usable_field, IntegerField())) for kind in KINDS)
    count = reduce(add, (Coalesce(kind, 0) for kind in kinds))
    own = ExporterContents.objects.filter(source=source, exporter=OuterRef("pk"))
    return own.order_by().values("exporter").annotate(kinds=count).values("kinds")


def _lately(today: date) -> Any:
    """The views of the last seven days, today included."""
    counted = DailyViews.objects.filter(exporter=OuterRef("pk"), day__gt=today - TREND)
    return counted.values("exporter").annotate(lately=Sum("views")).values("lately")
