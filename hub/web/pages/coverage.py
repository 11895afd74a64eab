"""The coverage grid as a page and as CSV."""

import csv

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from hub.content.kinds import KINDS
from hub.models import Exporter
from hub.web.page_cache import cached_page
from hub.web.pages.badges import Badge, shared_badges
from hub.web.pages.context import all_contents, fit_summary, page_context
from hub.web.pages.grid import LABELS, GridRow, columns, csv_lines, parse_grid_query
from hub.web.pages.pager import pager

PER_PAGE = 100
_LISTED, _NOT_LISTED = (Badge("E", LABELS["E"], present) for present in (True, False))


def known_grid_query(parameters: QueryDict) -> str | None:
    """Return the canonical query string; None for the page with a note."""
    query, notes = parse_grid_query(parameters)
    return None if notes else query.query_string


@require_safe
@gzip_page
@cached_page(known_grid_query)
def coverage(request: HttpRequest) -> HttpResponse:
    """Show a page of all exporters and of all directories without an exporter."""
    query, notes = parse_grid_query(request.GET)
    context = page_context()
    all_rows = _rows(context["source"].key, known=context["known"])
    rows = query.apply(all_rows)
    categories = sorted({row.category for row in all_rows if row.category}, key=str.casefold)
    pages = pager(
        rows, PER_PAGE, query.page, lambda n: reverse("coverage") + query.on_page(n).query_string
    )
    context |= {
        "query": query,
        "notes": notes,
        "total": len(rows),
        "rows": pages["page"],
        "pager": pages,
        "csv": reverse("coverage_csv") + query.on_page(1).query_string,
        "columns": columns(rows, query),
        "categories": categories,
        "kinds": KINDS,
        "is_empty": not all_rows,
    }
    return render(request, "hub/coverage.html", context)


@require_safe
@gzip_page
@cached_page(lambda parameters: parse_grid_query(parameters)[0].on_page(1).query_string)
def coverage_csv(request: HttpRequest) -> HttpResponse:
    """Download the rows of all pages, in the same order."""
    query, _ = parse_grid_query(request.GET)
    context = page_context()
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="coverage.csv"'
    rows = query.apply(_rows(context["source"].key, known=context["known"]))
    csv.writer(response).writerows(csv_lines(rows))
    return response


def _rows(source: str, *, known: bool) -> list[GridRow]:
    """Return all rows of the grid, unsorted."""
    contents = all_contents(source, known=known)
    exporters = Exporter.objects.values_list("pk", "title", "slug", "category__name", "repository")
    rows = [
        GridRow(
            title=title,
            directories=tuple(row.directory for row in contents.rows.get(pk, [])),
            cells=(_LISTED, *contents.badges_of(pk)),
            slug=slug,
            category=category,
            repository=repository,
            fit=contents.fits.get(pk),
        )
        for pk, title, slug, category, repository in exporters
    ]
    return rows + [
        GridRow(
            title=row.directory,
            directories=(row.directory,),
            cells=(_NOT_LISTED, *shared_badges([row], known=known)),
            fit=fit_summary([row]),
        )
        for row in contents.rows.get(None, [])
    ]
