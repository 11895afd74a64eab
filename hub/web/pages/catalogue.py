"""The catalogue page: search, filters, sorting and pagination."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.core.paginator import Page
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect, push_url, replace_url
from django_htmx.middleware import HtmxDetails

from hub import clock
from hub.catalogue.facets import (
    UPDATED_WITHIN,
    FacetEntry,
    facets,
    narrow,
    ready_switch,
    relaxations,
)
from hub.catalogue.metrics import FoundName, find_names
from hub.catalogue.order import SORTS, ordered
from hub.catalogue.query import CatalogueQuery, parse_query
from hub.catalogue.search import closest, search
from hub.content.kinds import KINDS
from hub.models import Exporter, Release
from hub.names.search_terms import words
from hub.web.page_cache import cached_page
from hub.web.pages.context import AllContents, all_contents, page_context
from hub.web.pages.metrics import place_url
from hub.web.pages.pager import pager

PER_PAGE = 60
# The parameter of the search form's button: to open the only hit instead of listing it.
_OPEN = "open"
_LEAST_SIMILAR = 0.3  # of a suggestion: the share of its trigrams that the search contains
NEW_FOR = timedelta(days=30)
# Exporters added within a day of the first one belong to the initial import and are not "new".
_INITIAL_IMPORT = timedelta(days=1)


def is_new(added_at: datetime, first_added_at: datetime, now: datetime) -> bool:
    """Return whether an exporter was added recently, and after the catalogue's initial import."""
    return now - added_at < NEW_FOR and added_at - first_added_at > _INITIAL_IMPORT


def known_catalogue_query(parameters: QueryDict) -> str | None:
    """Return the canonical query string; None for the page with notes, or for a redirect."""
    query, notes = parse_query(parameters)
    return None if notes or parameters != _filled(parameters) else query.query_string


@require_safe
@gzip_page
@cached_page(known_catalogue_query)
@vary_on_headers("HX-Request")
def catalogue(request: HttpRequest) -> HttpResponse:
    """Show the exporters that match the query; for htmx, only the results."""
    htmx = HtmxDetails(request)
    parameters = _filled(request.GET)
    opens = _OPEN in request.GET
    if not htmx and not opens and parameters != request.GET:
        return HttpResponseRedirect(reverse("catalogue", query=parameters))
    query, notes = parse_query(request.GET)
    context = page_context()
    source = context["source"].key
    contents = all_contents(source, known=context["known"])
    entries, fuzzy = _entries(query, contents, source)
    matches = narrow(entries, query)
    pages = pager(
        [entry.pk for entry in matches],
        PER_PAGE,
        query.page,
        lambda number: reverse("catalogue") + query.on_page(number).query_string,
    )
    all_facets = facets(entries, query)
    context |= {
        "query": query,
        "notes": notes,
        "cards": _cards(pages["page"], contents),
        "total": len(matches),
        "is_empty": not entries and not query.q,
        "fuzzy": fuzzy,
        "facets": all_facets,
        "switch": ready_switch(entries, query),
        "totals": contents.totals,
        "with_contents": len(contents.badges.keys() - {None}),
        "chosen": [option for facet in all_facets for option in facet.options if option.chosen],
        "sorts": [
            (order, query.sorted_by(sort), sort == query.order)
            for sort, order in SORTS.items()
            if query.q or sort != "relevance"
        ],
        "pager": pages,
        **_found_names(query, source),
        "kind_hints": _kind_hints(query),
        "unmatched": len(contents.rows.get(None, [])),
    }
    if not matches:
        context["relaxations"] = relaxations(entries, query)
        context["closest"] = _similar(query.q)
    if opens and query.q and (hit := _only_hit(query, context)):
        return HttpResponseClientRedirect(hit) if htmx else HttpResponseRedirect(hit)
    if opens and not htmx:
        return HttpResponseRedirect(reverse("catalogue") + query.query_string)
    if not htmx or htmx.history_restore_request:
        return render(request, "hub/catalogue.html", context)
    response = render(request, "hub/includes/results.html", context | {"is_fragment": True})
    return _with_history(response, query, htmx)


def _filled(parameters: QueryDict) -> QueryDict:
    """Return the parameters without empty values, which a form sends, and without its button."""
    filled = parameters.copy()
    filled.pop(_OPEN, None)
    for name, values in parameters.lists():
        filled.setlist(name, [value for value in values if value.strip()])
    return filled


def _entries(
    query: CatalogueQuery, contents: AllContents, source: str
) -> tuple[list[FacetEntry], bool]:
    """Return the sorted search results for the filters, and whether all are fuzzy matches."""
    now = clock.now()
    found = search(Exporter.objects.all(), query.q) if query.q else Exporter.objects.all()
    rows = ordered(found, query.order, now.date(), source).values(
        "pk",
        "category__name",
        "official",
        "last_release_at",
        *(["exact"] if query.q else []),
    )
    fuzzy = query.q != "" and not any(row["exact"] for row in rows)
    return [_entry(row, contents, now) for row in rows], fuzzy


def _entry(row: dict[str, Any], contents: AllContents, now: datetime) -> FacetEntry:
    directories = contents.rows.get(row["pk"], [])
    badges = contents.badges_of(row["pk"])
    changes = (*(directory.changed_at for directory in directories), row["last_release_at"])
    return FacetEntry(
        pk=row["pk"],
        category=row["category__name"],
        official=row["official"],
        updated=any(now - changed < UPDATED_WITHIN for changed in changes if changed),
        has=badges.present,
        usable=badges.usable,
    )


def _cards(page: Page[int], contents: AllContents) -> list[dict[str, Any]]:
    """Return the template context of each exporter on the page. One query."""
    newest = Release.objects.newest_of(OuterRef("pk"))
    exporters = (
        Exporter.objects.select_related("category")
        .defer("words", "trigrams")
        .annotate(
            release_tag=Subquery(newest.values("tag")[:1]),
            released_at=Subquery(newest.values("published_at")[:1]),
            first_added_at=Subquery(Exporter.objects.order_by("added_at").values("added_at")[:1]),
        )
        .in_bulk(list(page))
    )
    now = clock.now()
    return [
        {
            "exporter": (exporter := exporters[pk]),
            "badges": contents.badges_of(pk),
            "is_empty": all(badge.mark == "absent" for badge in contents.badges_of(pk)),
            "fit": contents.fits.get(pk),
            "stale": any(row.stale for row in contents.rows.get(pk, [])),
            "new": is_new(exporter.added_at, exporter.first_added_at, now),  # type: ignore[attr-defined]
        }
        for pk in page
        if pk in exporters  # an exporter may have been deleted since the search
    ]


def _similar(text: str) -> list[Exporter]:
    return list(closest(Exporter.objects.all(), text, at_least=_LEAST_SIMILAR)) if text else []


def _found_names(query: CatalogueQuery, source: str) -> dict[str, Any]:
    """Return the alerts and the metrics that match the search, each with its URL."""
    found = find_names(source, query.q) if query.q and query.page == 1 else []
    pairs = [(each, _url_of(each)) for each in found]
    return {
        "found_alerts": [pair for pair in pairs if pair[0].is_alert],
        "found_metrics": [pair for pair in pairs if not pair[0].is_alert],
    }


def _only_hit(query: CatalogueQuery, context: dict[str, Any]) -> str:
    """Return the URL of the only exporter, alert or metric that a search found; "" otherwise.

    An exporter with exactly this name counts as the only one.
    """
    exporters = [card["exporter"] for card in context["cards"]]
    if exporters and not context["fuzzy"]:
        same = exporters[0].title.casefold() == query.q.casefold()
        only = context["total"] == 1
        return reverse("exporter", args=[exporters[0].slug]) if same or only else ""
    urls = [url for _, url in (*context["found_alerts"], *context["found_metrics"])]
    return urls[0] if len(urls) == 1 else ""


def _kind_hints(query: CatalogueQuery) -> list[tuple[str, CatalogueQuery]]:
    """Return the filters by the kinds that a search names, as in "redis dashboard"."""
    typed, hints = words(query.q), []
    for kind in KINDS:
        if kind.words.intersection(typed):
            rest = " ".join(word for word in typed if word not in kind.words)
            without = replace(query, q=rest, sort="", page=1)
            hints.append((kind.label, without.with_state(kind.letter, "usable")))
    return hints


def _url_of(found: FoundName) -> str:
    if found.place:
        return place_url(found.slug, found.place)
    return reverse("exporter_metrics", args=[found.slug], query={"q": found.name})


def _with_history(response: HttpResponse, query: CatalogueQuery, htmx: HtmxDetails) -> HttpResponse:
    """Tell htmx to update the address bar; keystrokes in the search add no history entries."""
    before, _ = parse_query(QueryDict(_query_string(htmx.current_url or "")))
    is_typing = bool(before.q and query.q) and before.without_search() == query.without_search()
    set_url = replace_url if before == query or is_typing else push_url
    return set_url(response, reverse("catalogue") + query.query_string)


def _query_string(url: str) -> str:
    try:
        return urlsplit(url).query
    except ValueError:  # the client controls the header
        return ""
