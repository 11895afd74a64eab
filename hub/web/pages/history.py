"""The releases of an exporter's project and the changes to its contents, page by page."""

from typing import Any

from django.db.models import QuerySet

from hub.models import Change, Exporter, Release
from hub.web.pages.feeds import sentence
from hub.web.pages.prose import Place, Prose, prose

_RELEASES_PER_PAGE = 10
_CHANGES_PER_PAGE = 50
_MAX_DIGITS = 17  # so that the offset (ten times the page number) fits into Postgres' bigint


def releases_page(exporter: Exporter, page: str) -> dict[str, Any]:
    """Return a page of releases, newest first. An invalid page number selects the first page."""
    number = max(1, _number(page) or 1)
    start = (number - 1) * _RELEASES_PER_PAGE
    rows = list(exporter.releases.all()[start : start + _RELEASES_PER_PAGE + 1])
    return {
        "releases": [(release, _body(release, exporter)) for release in rows[:_RELEASES_PER_PAGE]],
        "newer": number - 1,
        "older": number + 1 if len(rows) > _RELEASES_PER_PAGE else None,
    }


def _body(release: Release, exporter: Exporter) -> Prose:
    return prose(release.body, release, Place(exporter.repository, release.tag))


def changes_of(exporter: Exporter, source: str, before: str) -> dict[str, Any]:
    """Return a page of the changes of an exporter; see `changes_page`."""
    return changes_page(Change.objects.filter(source=source, exporter=exporter), before)


def changes_page(rows: QuerySet[Change], before: str) -> dict[str, Any]:
    """Return a page of the changes, newest first: those older than the change `before`."""
    if number := _number(before):
        rows = rows.filter(pk__lt=number)
    found = list(rows.select_related("exporter").order_by("-pk")[: _CHANGES_PER_PAGE + 1])
    shown = found[:_CHANGES_PER_PAGE]
    return {
        "changes": [(change, sentence(change)) for change in shown],
        "newest": not number,
        "older": shown[-1].pk if len(found) > _CHANGES_PER_PAGE else None,
    }


def _number(text: str) -> int | None:
    """Parse a number from the URL; None if it is invalid."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else None
