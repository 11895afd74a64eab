"""The coverage grid as a page and as CSV."""

import csv

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from hub.models import Exporter
from hub.web.page_cache import cached_page
from hub.web.pages.badges import Badge, badges_of
from hub.web.pages.context import contents_by_exporter, page_context
from hub.web.pages.grid import LABELS, GridRow, columns, csv_lines, parse_grid_query


@require_safe
@cached_page
@gzip_page
def coverage(request: HttpRequest) -> HttpResponse:
    """Show the content of every exporter, and of every directory without an exporter."""
    query, notes = parse_grid_query(request.GET)
    context = page_context()
    all_rows = _rows(context["source"].key, known=context["known"])
    rows = query.apply(all_rows)
    categories = sorted({row.category for row in all_rows if row.category}, key=str.casefold)
    context |= {
        "query": query,
        "notes": notes,
        "rows": rows,
        "columns": columns(rows, query),
        "categories": categories,
        "is_empty": not all_rows,
    }
    return render(request, "hub/coverage.html", context)


@require_safe
@gzip_page
def coverage_csv(request: HttpRequest) -> HttpResponse:
    """Download the rows of the page, in the same order."""
    query, _ = parse_grid_query(request.GET)
    context = page_context()
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="coverage.csv"'
    rows = query.apply(_rows(context["source"].key, known=context["known"]))
    csv.writer(response).writerows(csv_lines(rows))
    return response


def _rows(source: str, *, known: bool) -> list[GridRow]:
    """Return all rows of the grid, unsorted. Two queries."""
    contents = contents_by_exporter(source)
    exporters = Exporter.objects.values_list("pk", "title", "slug", "category__name", "repository")
    rows = [
        GridRow(
            title=title,
            directories=tuple(row.directory for row in contents.get(pk, [])),
            cells=(Badge("E", LABELS["E"], True), *badges_of(contents.get(pk, []), known=known)),
            slug=slug,
            category=category,
            repository=repository,
        )
        for pk, title, slug, category, repository in exporters
    ]
    return rows + [
        GridRow(
            title=row.directory,
            directories=(row.directory,),
            cells=(Badge("E", LABELS["E"], False), *badges_of([row], known=known)),
        )
        for row in contents.get(None, [])
    ]
