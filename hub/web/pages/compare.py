"""The page that compares exporters side by side."""

from collections import Counter
from typing import Any

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from hub.content.content_files import files_of, findings_of_folders, versions_of, with_trees
from hub.content.kinds import KINDS
from hub.content.rules.report import Level
from hub.models import Exporter, ExporterContents, Release
from hub.web.pages.badges import badges_of
from hub.web.pages.context import fit_summary, page_context

MAX_COMPARED = 4  # more columns do not fit beside each other


@require_safe
@gzip_page
def compare_exporters(request: HttpRequest) -> HttpResponse:
    """Show what exists for each of two to four exporters; unknown names are ignored."""
    context = page_context()
    given = [slug for slug in request.GET.getlist("exporter") if slug.isprintable()]
    slugs = list(dict.fromkeys(given))[:MAX_COMPARED]
    newest = Release.objects.newest_of(OuterRef("pk"))
    exporters = {
        exporter.slug: exporter
        for exporter in Exporter.objects.filter(slug__in=slugs)
        .select_related("category")
        .defer("words", "trigrams")
        .annotate(release_tag=Subquery(newest.values("tag")[:1]))
    }
    rows: dict[int | None, list[Any]] = {}
    contents = ExporterContents.objects.filter(
        source=context["source"].key, exporter__in=exporters.values()
    )
    for row in with_trees(contents):
        rows.setdefault(row.exporter_id, []).append(row)
    columns = [
        _column(exporters[slug], rows.get(exporters[slug].pk, []), known=context["known"])
        for slug in slugs
        if slug in exporters
    ]
    context |= {
        "columns": columns,
        # What exists of each kind: the kind, and its badge in each column.
        "kinds": [
            (kind, [(column["exporter"], column["badges"][number]) for column in columns])
            for number, kind in enumerate(KINDS)
        ],
        "most": MAX_COMPARED,
        "left_out": len(set(given)) > MAX_COMPARED,
    }
    return render(request, "hub/compare.html", context)


def _column(exporter: Exporter, rows: list[Any], *, known: bool) -> dict[str, Any]:
    files = files_of(rows)
    findings = [finding for file in files for finding in file.findings]
    findings += [finding for _, finding in findings_of_folders(rows)]
    levels = Counter(finding.level for finding in findings)
    return {
        "exporter": exporter,
        "badges": badges_of(rows, known=known),
        "fit": fit_summary(rows),
        "versions": versions_of(files),
        "errors": levels[Level.ERROR],
        "warnings": levels[Level.WARNING],
    }
