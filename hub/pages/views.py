"""The views: thin, each renders what the hub knows."""

from django.db import connection
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hub.contents import read
from hub.github.source import configured_source
from hub.models import Exporter, ExporterContents
from hub.pages.badges import KINDS, badges_of


class Card:
    """An exporter as the catalogue shows it."""

    def __init__(self, exporter: Exporter, rows: list[ExporterContents], *, known: bool) -> None:
        self.exporter = exporter
        self.badges = badges_of(rows, known=known)
        self.stale = any(row.stale for row in rows)


@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """Every exporter of the catalogue with what is there for it, and how fresh that is."""
    source = configured_source()
    served = read.current()
    known = served.snapshot_id is not None
    rows = ExporterContents.objects.filter(source=source.key)
    exporters = Exporter.objects.select_related("category").prefetch_related(
        Prefetch("contents", rows, to_attr="here")
    )
    cards = [Card(exporter, exporter.here, known=known) for exporter in exporters]  # type: ignore[attr-defined]
    return render(
        request,
        "hub/catalogue.html",
        {
            "cards": cards,
            "unmatched": [row.directory for row in rows if row.exporter_id is None],
            "totals": [
                {
                    "letter": letter,
                    "label": label,
                    "count": sum(
                        badge.there is True
                        for card in cards
                        for badge in card.badges
                        if badge.letter == letter
                    ),
                }
                for letter, _, label in KINDS
            ],
            "freshness": read.freshness(served),
            "source": source,
            "open_run": read.open_run(),
        },
    )


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """For supervisors and load balancers: 200 while the web and Postgres answer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")
