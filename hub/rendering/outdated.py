"""Render the stored texts that the current renderer has not rendered yet."""

from contextlib import closing
from time import monotonic
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from hub.models import ContentBlob, Readme, Release, RenderedText
from hub.rendering.markdown import VERSION
from hub.rendering.process import Renderer

# For Postgres' advisory lock. Any number that no other lock of the database uses.
_LOCK = 0x4875_6252
# The column of the text, and the level of its highest heading.
_SOURCES: dict[type[RenderedText], tuple[str, int]] = {
    Readme: ("text", 3),
    Release: ("body", 4),
    ContentBlob: ("data", 3),
}
_BATCH = 20  # rows that are loaded together: up to 64 KB for a release, 512 KB for a README


def any_outdated() -> bool:
    """Return whether a text is to be rendered. Three queries at most."""
    return any(_outdated(model).exists() for model in _SOURCES)


def render_outdated(seconds: float) -> None:
    """Render texts for this time, unless another worker does: each text is rendered once."""
    until = monotonic() + seconds
    with closing(Renderer()) as renderer:
        while monotonic() < until and _render_batch(renderer):
            pass


@transaction.atomic  # the lock ends with it: pgbouncer may use another connection afterwards
def _render_batch(renderer: Renderer) -> bool:
    """Render some texts. Return False if there are none, or another worker renders them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        (acquired,) = cursor.fetchone()
    rows = [row for model in _SOURCES for row in _outdated(model)[:_BATCH]] if acquired else []
    for row in rows:
        _render(row, renderer)
    return bool(rows)


def _outdated(model: type[RenderedText]) -> QuerySet[Any]:
    rows = model._default_manager.filter(renderer__lt=VERSION)
    return rows.only(_SOURCES[model][0])


def _render(row: RenderedText, renderer: Renderer) -> None:
    field, top_heading = _SOURCES[type(row)]
    stored = getattr(row, field)
    text = stored if isinstance(stored, str) else bytes(stored).decode(errors="replace")
    # A page shows several releases, whose anchors must differ.
    prefix = f"release-{row.pk}-" if isinstance(row, Release) else "readme-"
    parts = renderer.render(text, top_heading, prefix)
    unchanged = type(row)._default_manager.filter(pk=row.pk, **{field: stored})
    unchanged.update(html_parts=parts, renderer=VERSION)
