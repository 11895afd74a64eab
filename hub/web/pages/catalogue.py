"""The list page: search, filters, orders and pages of the catalogue."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.core.paginator import EmptyPage, Page, Paginator
from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import push_url, replace_url
from django_htmx.middleware import HtmxDetails

from hub.catalogue.facets import FacetEntry, facets, narrow, relaxations
from hub.catalogue.order import ordered
from hub.catalogue.query import SORTS, CatalogueQuery, parse_query
from hub.catalogue.search import closest, search
from hub.models import Exporter, Release
from hub.web.page_cache import cached_page
from hub.web.pages.badges import badges_of
from hub.web.pages.context import contents_by_exporter, page_context

PER_PAGE = 60
LATELY = timedelta(days=90)
NEW_FOR = timedelta(days=30)
# Who came within a day of the first exporter came with it: a new hub is not all "new".
_FIRST_DAY = timedelta(days=1)

Contents = dict[int | None, list[Any]]  # by exporter


def is_new(added_at: datetime, first_added_at: datetime, now: datetime) -> bool:
    """Whether an exporter came lately, to a catalogue (`first_added_at`) that was there before."""
    return now - added_at < NEW_FOR and added_at - first_added_at > _FIRST_DAY


@require_safe
@cached_page
@gzip_page
@vary_on_headers("HX-Request")
def catalogue(request: HttpRequest) -> HttpResponse:
    """The exporters that the address asks for, with what is there for each.

    Asked by htmx, the part of the page that they change. 404 for a page beyond the last.
    """
    htmx = HtmxDetails(request)
    said = _without_empty(request.GET)
    if not htmx and said != request.GET:
        return HttpResponseRedirect(reverse("catalogue", query=said))
    query, notes = parse_query(request.GET)
    context = page_context()
    contents = contents_by_exporter(context["source"].key)
    entries, guessed = _entries(query, contents, context["source"].key, known=context["known"])
    left = narrow(entries, query)
    page = _page([entry.pk for entry in left], query)
    numbers = page.paginator.get_elided_page_range
    counted = facets(entries, query)
    context |= {
        "query": query,
        "notes": notes,
        "cards": _cards(page, contents, known=context["known"]),
        "total": len(left),
        "nothing_yet": not entries and not query.q,
        "guessed": guessed,
        "facets": counted,
        "chosen": [option for facet in counted for option in facet.options if option.chosen],
        "sorts": [
            (label, query.sorted_by(sort), sort == query.order)
            for sort, label in SORTS.items()
            if query.q or sort != "relevance"
        ],
        "page": page,
        "pages": [
            (number, query.on_page(number) if isinstance(number, int) else None)  # None: dots
            for number in numbers(page.number, on_each_side=1, on_ends=1)
        ],
        "previous": query.on_page(page.number - 1),
        "next": query.on_page(page.number + 1),
        "unmatched": len(contents.get(None, [])),
    }
    if not left:
        context["relaxations"] = relaxations(entries, query)
        context["closest"] = closest(Exporter.objects.all(), query.q) if query.q else []
    if not htmx or htmx.history_restore_request:
        return render(request, "hub/catalogue.html", context)
    response = render(request, "hub/includes/results.html", context | {"alone": True})
    return _remembered(response, query, htmx)


def _without_empty(parameters: QueryDict) -> QueryDict:
    """The parameters but for the empty ones, as a form sends them."""
    kept = parameters.copy()
    for name, values in parameters.lists():
        kept.setlist(name, [value for value in values if value.strip()])
    return kept


def _entries(
    query: CatalogueQuery, contents: Contents, source: str, *, known: bool
) -> tuple[list[FacetEntry], bool]:
    """All that the search finds, in order, for the filters; and whether all of it was guessed."""
    now = timezone.now()
    found = search(Exporter.objects.all(), query.q) if query.q else Exporter.objects.all()
    rows = ordered(found, query.order, now.date(), source).values(
        "pk",
        "category__name",
        "official",
        "contents_changed_at",
        "last_release_at",
        *(["exact"] if query.q else []),
    )
    guessed = query.q != "" and not any(row["exact"] for row in rows)
    return [_entry(row, contents, now, known=known) for row in rows], guessed


def _entry(row: dict[str, Any], contents: Contents, now: datetime, *, known: bool) -> FacetEntry:
    badges = badges_of(contents.get(row["pk"], []), known=known)
    changes = (row["contents_changed_at"], row["last_release_at"])
    return FacetEntry(
        pk=row["pk"],
        category=row["category__name"],
        official=row["official"],
        updated=any(now - changed < LATELY for changed in changes if changed),
        has=frozenset(badge.letter for badge in badges if badge.present),
        usable=frozenset(badge.letter for badge in badges if badge.mark == "there"),
    )


def _page(pks: list[int], query: CatalogueQuery) -> Page[int]:
    try:
        return Paginator(pks, PER_PAGE).page(query.page)
    except EmptyPage as fault:
        raise Http404("The results have fewer pages.") from fault


def _cards(page: Page[int], contents: Contents, *, known: bool) -> list[dict[str, Any]]:
    """The exporters of one page, in its order. One query."""
    releases = Release.objects.filter(exporter=OuterRef("pk")).order_by(
        "prerelease", "-published_at"
    )
    exporters = (
        Exporter.objects.select_related("category")
        .defer("words", "trigrams")
        .annotate(
            release_tag=Subquery(releases.values("tag")[:1]),
            released_at=Subquery(releases.values("published_at")[:1]),
            first_added_at=Subquery(Exporter.objects.order_by("added_at").values("added_at")[:1]),
        )
        .in_bulk(list(page))
    )
    now = timezone.now()
    return [
        {
            "exporter": (exporter := exporters[pk]),
            "badges": badges_of(contents.get(pk, []), known=known),
            "stale": any(row.stale for row in contents.get(pk, [])),
            "new": is_new(exporter.added_at, exporter.first_added_at, now),  # type: ignore[attr-defined]
        }
        for pk in page
        if pk in exporters  # one may have been deleted since it was counted
    ]


def _remembered(response: HttpResponse, query: CatalogueQuery, htmx: HtmxDetails) -> HttpResponse:
    """Let the browser show the address; going on typing is no new entry of its history."""
    before, _ = parse_query(QueryDict(_query_of(htmx.current_url or "")))
    typed_on = bool(before.q and query.q) and before.without_search() == query.without_search()
    remember = replace_url if before == query or typed_on else push_url
    return remember(response, reverse("catalogue") + query.query_string)


def _query_of(url: str) -> str:
    try:
        return urlsplit(url).query
    except ValueError:  # the header may say anything
        return ""
