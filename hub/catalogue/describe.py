"""Describe exporters for the API: catalogue fields, facts, and which content is present."""

from typing import Any

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery

from hub.content.kinds import KINDS, any_known
from hub.content.map import read_map
from hub.github.source import configured_source
from hub.models import Exporter, ExporterContents, Release


def describe_all() -> list[dict[str, Any]]:
    """Return all exporters by title, as JSON-ready values (times are datetimes)."""
    known = read_map.cached_map().served.snapshot_id is not None
    return [_describe(exporter, known=known) for exporter in _exporters()]


def describe_exporter(slug: str) -> dict[str, Any] | None:
    """Return one exporter with its releases and the state of its facts; None if not found."""
    exporter = _exporters().filter(slug=slug).first()
    if exporter is None:
        return None
    releases = exporter.releases.values("tag", "name", "url", "prerelease", "published_at")
    return {
        **_describe(exporter, known=read_map.cached_map().served.snapshot_id is not None),
        "facts_at": exporter.facts_at,
        "facts_problem": exporter.facts_problem or None,
        "releases": list(releases),
    }


def _exporters() -> QuerySet[Exporter]:
    rows = ExporterContents.objects.filter(source=configured_source().key)
    newest = Release.objects.filter(exporter=OuterRef("pk")).order_by("-published_at")
    return (
        Exporter.objects.select_related("category")
        .defer("words", "trigrams")
        .annotate(last_tag=Subquery(newest.values("tag")[:1]))
        .prefetch_related(Prefetch("contents", rows, to_attr="present_rows"))
    )


def _describe(exporter: Any, *, known: bool) -> dict[str, Any]:
    rows: list[ExporterContents] = exporter.present_rows

    def any_of(field: str) -> bool | None:
        return any_known((getattr(row, field) for row in rows), known=known)

    return {
        "slug": exporter.slug,
        "title": exporter.title,
        "project_name": exporter.project_name,
        "repository": exporter.repository,
        "renamed_to": exporter.renamed_to or None,
        "category": exporter.category.name,
        "official": exporter.official,
        "description": exporter.description,
        "logo": exporter.logo_url or None,
        "stars": exporter.stars,
        "archived": exporter.archived,
        "last_release": exporter.last_tag,
        "last_release_at": exporter.last_release_at,
        "directories": [row.directory for row in rows],
        "E": True,
        **{kind.letter: any_of(kind.field) for kind in KINDS},
        "usable": {kind.letter: any_of(kind.usable_field) for kind in KINDS},
    }
