"""Badges, logos, llms.txt, robots.txt and the sitemap."""

from datetime import datetime
from typing import Any

from django.contrib.sitemaps import Sitemap
from django.contrib.sitemaps import views as sitemaps
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import get_conditional_response
from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import conditional_page, require_safe

from hub.catalogue.order import contents_changed_at
from hub.content.kinds import KINDS
from hub.content.map import read_map
from hub.github.source import configured_source
from hub.models import Exporter, Logo
from hub.web.csp import sandboxed
from hub.web.page_cache import cached_page
from hub.web.pages.badges import Badge, badges_of
from hub.web.pages.context import all_contents
from hub.web.pages.text import markdown, one_line

_PLAIN = "text/plain; charset=utf-8"
_LISTED = Badge("E", "Exporter", True)
_LABEL_WIDTH, _CELL_WIDTH = 84, 30  # of the badge, in pixels
# Caches revalidate after five minutes; an unchanged ETag is answered with 304.
_cached = cache_control(public=True, max_age=300)


@sandboxed
@_cached
@conditional_page
@require_safe
def exporter_badge(request: HttpRequest, slug: str) -> HttpResponse:
    """Return a badge of an exporter's content as SVG, for READMEs."""
    exporter = get_object_or_404(Exporter, slug=slug)
    rows = exporter.contents.filter(source=configured_source().key)
    known = read_map.cached_map().served.snapshot_id is not None
    badges = [_LISTED, *badges_of(list(rows), known=known)]
    words = "; ".join(badge.words for badge in badges)
    context = {
        "words": one_line(f"{exporter.title} on Exporter Hub. {words}"),
        "width": _LABEL_WIDTH + _CELL_WIDTH * len(badges),
        "cells": [(_LABEL_WIDTH + _CELL_WIDTH * n, badge) for n, badge in enumerate(badges)],
    }
    return render(request, "hub/badge.svg", context, content_type="image/svg+xml")


@sandboxed
@gzip_page
@require_safe
def logo(request: HttpRequest, slug: str) -> HttpResponse:
    """Return an exporter's logo. With its current version (`?v=`), it is cached for a year."""
    logos = Logo.objects.select_related("exporter")
    logos = logos.only("data", "exporter__logo_type", "exporter__logo_version")
    found = get_object_or_404(logos, exporter__slug=slug)
    version = found.exporter.logo_version
    max_age = "max-age=31536000, immutable" if request.GET.get("v") == version else "max-age=300"
    response = HttpResponse(
        bytes(found.data),
        content_type=found.exporter.logo_type,
        headers={"ETag": f'"{version}"', "Cache-Control": f"public, {max_age}"},
    )
    return get_conditional_response(request, response["ETag"], response=response) or response


@_cached
@conditional_page
@require_safe
@cached_page(lambda _: "")  # without parameters
def llms(request: HttpRequest) -> HttpResponse:
    """Describe the hub and its exporters in Markdown, for language models (https://llmstxt.org)."""
    served = read_map.cached_map().served
    contents = all_contents(configured_source().key, known=served.snapshot_id is not None)
    columns = ("pk", "slug", "title", "project_name", "description", "category__name")
    context = {
        "hub": request.build_absolute_uri("/").rstrip("/"),
        "freshness": read_map.freshness(served),
        "exporters": [
            (
                slug,
                markdown(title),
                markdown(about or name or title).rstrip("."),
                markdown(category),
                [_LISTED, *contents.badges_of(pk)],
            )
            for pk, slug, title, name, about, category in Exporter.objects.values_list(*columns)
        ],
        "kinds": ", ".join(kind.label for kind in KINDS),
    }
    return render(request, "hub/llms.txt", context, content_type=_PLAIN)


@_cached
@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Allow crawlers to fetch everything except the admin."""
    sitemap = request.build_absolute_uri("/sitemap.xml")
    text = f"User-agent: *\nDisallow: /admin/\n\nSitemap: {sitemap}\n"
    return HttpResponse(text, content_type=_PLAIN)


class PageSitemap(Sitemap[str]):
    """The pages that do not belong to an exporter."""

    def items(self) -> list[str]:
        return ["/", "/coverage", "/changes", "/status"]

    def location(self, item: str) -> str:
        return item


class ExporterSitemap(Sitemap[Exporter]):
    """The pages of all exporters."""

    def items(self) -> QuerySet[Exporter]:
        changed_at = contents_changed_at(configured_source().key)
        exporters = Exporter.objects.only("slug").order_by("slug")
        return exporters.annotate(contents_changed_at=changed_at)

    def location(self, item: Exporter) -> str:
        return f"/exporters/{item.slug}"

    def lastmod(self, item: Exporter) -> datetime | None:
        changed_at: datetime | None = item.contents_changed_at  # type: ignore[attr-defined]
        return changed_at


SITEMAPS = {"pages": PageSitemap, "exporters": ExporterSitemap}


@require_safe
@cached_page(lambda parameters: None if "p" in parameters else "")  # the number of a part
def sitemap(request: HttpRequest, **options: Any) -> HttpResponse:
    """Return the sitemap."""
    response: HttpResponse = sitemaps.sitemap(request, **options).render()
    return response
