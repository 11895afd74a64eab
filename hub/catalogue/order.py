"""In which order the catalogue is shown."""

from datetime import date, timedelta
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Greatest, Lower

from hub.models import DailyViews, Exporter

TREND = timedelta(days=7)


def ordered(exporters: "QuerySet[Exporter]", order: str, today: date) -> "QuerySet[Exporter]":
    """`exporters` in the order of that name (`hub.catalogue.wish.SORTS`).

    "relevance" is the order in which the search gave them. What is equal goes by popularity and
    at last by name, so that pages never overlap.
    """
    popular = (F("views").desc(), F("stars").desc(nulls_last=True), Lower("title"), "pk")
    orders: dict[str, tuple[Any, ...]] = {
        "popular": popular,
        # GREATEST disregards what is null
        "recent": (
            Greatest("contents_changed_at", "last_release_at", "added_at").desc(),
            *popular,
        ),
        "trending": (Coalesce(Subquery(_lately(today)), 0).desc(), *popular),
        "name": (Lower("title"), "pk"),
    }
    return exporters if order == "relevance" else exporters.order_by(*orders[order])


def _lately(today: date) -> Any:
    """The views of the last seven days, today included."""
    counted = DailyViews.objects.filter(exporter=OuterRef("pk"), day__gt=today - TREND)
    return counted.values("exporter").annotate(lately=Sum("views")).values("lately")
