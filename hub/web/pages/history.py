"""What an exporter's project released, and what its contents gained and lost; a page at a time."""

from typing import Any

from hub.models import Change, Exporter, Release
from hub.web.pages.feeds import sentence
from hub.web.pages.markdown import Place, render

_RELEASES = 10
_CHANGES = 50
_LONGEST = 17  # digits; ten times as much, the rows before a page, Postgres still takes


def releases_page(exporter: Exporter, page: str) -> dict[str, Any]:
    """A page of releases, newest first; pages count from 1, and nonsense means the first."""
    number = max(1, _number(page) or 1)
    start = (number - 1) * _RELEASES
    found = list(exporter.releases.all()[start : start + _RELEASES + 1])
    return {
        "releases": [(release, _body(release, exporter)) for release in found[:_RELEASES]],
        "newer": number - 1,
        "older": number + 1 if len(found) > _RELEASES else None,
    }


def _body(release: Release, exporter: Exporter) -> Any:
    place = Place(exporter.repository, release.tag)
    return render(release.body, place, top=4, prefix=f"release-{release.pk}-")


def changes(exporter: Exporter, source: str, before: str) -> dict[str, Any]:
    """A page of the change log, newest first; `before` is where the last page ended."""
    rows = Change.objects.filter(source=source, exporter=exporter).select_related("exporter")
    if number := _number(before):
        rows = rows.filter(pk__lt=number)
    found = list(rows.order_by("-pk")[: _CHANGES + 1])
    shown = found[:_CHANGES]
    return {
        "changes": [(change, sentence(change)) for change in shown],
        "newest": not number,
        "older": shown[-1].pk if len(found) > _CHANGES else None,
    }


def _number(text: str) -> int | None:
    """The number that an address names; None for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST else None
