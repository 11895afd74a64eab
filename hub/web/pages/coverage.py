"""The coverage grid, as a page and as CSV."""

import csv

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from hub.models import Exporter
from hub.web.page_cache import cached_page
from hub.web.pages.badges import Badge, badges_of
from hub.web.pages.context import contents_by_exporter, page_context
from hub.web.pages.grid import LABELS, GridRow, View, columns, lines, view_of


@require_safe
@cached_page
@gzip_page
def coverage(request: HttpRequest) -> HttpResponse:
    """Every exporter and every directory without one, and what is there for each."""
    view, notes = _view(request)
    context = page_context()
    every = _rows(context["source"].key, known=context["known"])
    rows = view.of(every)
    categories = sorted({row.category for row in every if row.category}, key=str.casefold)
    context |= {
        "view": view,
        "notes": notes,
        "rows": rows,
        "columns": columns(rows, view),
        "categories": categories,
        "nothing_yet": not every,
    }
    return render(request, "hub/coverage.html", context)


@require_safe
@gzip_page
def coverage_csv(request: HttpRequest) -> HttpResponse:
    """The same rows in the same order, to keep."""
    view, _ = _view(request)
    context = page_context()
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="coverage.csv"'
    rows = view.of(_rows(context["source"].key, known=context["known"]))
    csv.writer(response).writerows(lines(rows))
    return response


def _view(request: HttpRequest) -> tuple[View, list[str]]:
    return view_of(request.GET.get("category", ""), request.GET.get("sort", ""))


def _rows(source: str, *, known: bool) -> list[GridRow]:
    """All rows of the grid, in no order. Two queries."""
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
