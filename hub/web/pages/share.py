"""What the hub hands to others: badges, and the texts that programs look for at a site's root."""

from csp.constants import NONE
from csp.decorators import csp
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from hub.content.map import read_map
from hub.github.source import configured_source
from hub.models import Exporter, ExporterContents
from hub.web.pages.badge_svg import badge_svg
from hub.web.pages.badges import Badge, badges_of
from hub.web.pages.text import markdown

_PLAIN = "text/plain; charset=utf-8"
# A few minutes may pass before a cache asks again; then the ETag makes the answer a 304.
_cached = cache_control(public=True, max_age=300)


@csp({"default-src": [NONE], "sandbox": True})  # type: ignore[arg-type] # it takes any view
@_cached
@conditional_page
@require_safe
def exporter_badge(request: HttpRequest, slug: str) -> HttpResponse:
    """An exporter's content as a small picture, for READMEs."""
    exporter = _exporters().filter(slug=slug).first()
    if exporter is None:
        raise Http404("No exporter of the catalogue has this slug.")
    badges = _badges(exporter, known=read_map.cached_head().served.snapshot_id is not None)
    return HttpResponse(badge_svg(exporter.title, badges), content_type="image/svg+xml")


@_cached
@conditional_page
@require_safe
def llms(request: HttpRequest) -> HttpResponse:
    """What the hub is and holds, in Markdown, for language models (https://llmstxt.org)."""
    served = read_map.cached_head().served
    exporters = [
        {
            "title": markdown(exporter.title),
            "slug": exporter.slug,
            "about": markdown(_about(exporter)).rstrip("."),
            "category": markdown(exporter.category.name),
            "badges": _badges(exporter, known=served.snapshot_id is not None),
        }
        for exporter in _exporters().select_related("category")
    ]
    context = {
        "hub": request.build_absolute_uri("/").rstrip("/"),
        "freshness": read_map.freshness(served),
        "exporters": exporters,
    }
    return render(request, "hub/llms.txt", context, content_type=_PLAIN)


@_cached
@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Everything but the admin may be indexed."""
    sitemap = request.build_absolute_uri("/sitemap.xml")
    text = f"User-agent: *\nDisallow: /admin/\n\nSitemap: {sitemap}\n"
    return HttpResponse(text, content_type=_PLAIN)


def _about(exporter: Exporter) -> str:
    return exporter.description or exporter.project_name or exporter.title


def _exporters() -> QuerySet[Exporter]:
    here = ExporterContents.objects.filter(source=configured_source().key)
    return Exporter.objects.prefetch_related(Prefetch("contents", here, to_attr="here"))


def _badges(exporter: Exporter, *, known: bool) -> list[Badge]:
    rows: list[ExporterContents] = exporter.here  # type: ignore[attr-defined]
    return [Badge("E", "Exporter", True), *badges_of(rows, known=known)]
