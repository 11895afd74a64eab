"""The page of a directory that belongs to no exporter of the catalogue."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from hub.content.content_files import files_of, findings_of_folders, stored_shas, with_trees
from hub.content.kinds import KINDS
from hub.models import ExporterContents
from hub.web import raw
from hub.web.pages.badges import badges_of
from hub.web.pages.context import page_context
from hub.web.pages.pager import page_number, pager

_FILES_PER_PAGE = 50


@require_safe
def directory(request: HttpRequest, directory: str) -> HttpResponse:
    """Show what the directory contains and how to add its exporter.

    A directory with an exporter has no page of its own: redirect to the exporter's.
    """
    context = page_context()
    source = context["source"]
    rows = ExporterContents.objects.filter(source=source.key).select_related("exporter")
    named = rows.none() if "\0" in directory else rows.filter(directory=directory)
    row = with_trees(named).first()
    if row is None:
        missing = {
            "title": "Directory not found",
            "hint": "It may have been renamed or deleted.",
            "suggestions": [(reverse("coverage"), "All exporters and directories")],
        }
        return render(request, "hub/exporter/missing.html", missing, status=404)
    if row.exporter:
        return redirect("exporter", row.exporter.slug)
    number = page_number(request.GET.get("page", ""))
    pages = pager(files_of([row]), _FILES_PER_PAGE, number, lambda other: f"?page={other}")
    stored = stored_shas(pages["page"])
    context |= {
        "row": row,
        "url": source.page_of(row.directory, "tree"),
        "kinds": KINDS,
        "badges": badges_of([row], known=context["known"]),
        "files": [
            (
                file,
                raw.download_path(file) if file.sha in stored else "",
                source.page_of(file.whole_path),
            )
            for file in pages["page"]
        ],
        "pager": pages,
        "folder_findings": [finding for _, finding in findings_of_folders([row])],
        "may_add": request.user.has_perm("hub.add_exporter"),
        "may_assign": request.user.has_perm("hub.change_directoryowner"),
    }
    return render(request, "hub/directory.html", context)
