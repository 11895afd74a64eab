"""Atom feeds of the changes to all exporters or to one."""

from datetime import UTC, datetime

from django.contrib.syndication.views import Feed
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed

from hub.github.source import configured_source
from hub.models import Change, ChangeKind, ChangeWhat, Exporter
from hub.web.pages.text import one_line

_MAX_ENTRIES = 100
_TITLE = "Exporter Hub: changes"


class StableFeed(Atom1Feed):
    """An Atom feed whose date of the last change does not move while it is empty."""

    def latest_post_date(self) -> datetime:
        """Return the date of the newest entry; Django would return the current time for none."""
        return super().latest_post_date() if self.items else datetime.fromtimestamp(0, UTC)


class ChangesFeed(Feed[Change, Exporter | None]):
    """The content that exporters gained and lost, newest first. With a slug, of one exporter."""

    feed_type = StableFeed
    item_author_name = "Exporter Hub"
    subtitle = f"Content that exporters gained or lost: {', '.join(ChangeKind.labels)}."

    def get_object(self, request: HttpRequest, slug: str = "") -> Exporter | None:
        """Return the exporter. Django answers 404 if it does not exist."""
        return Exporter.objects.get(slug=slug) if slug else None

    def title(self, exporter: Exporter | None) -> str:
        return f"{_TITLE} of {one_line(exporter.title)}" if exporter else _TITLE

    def link(self, exporter: Exporter | None) -> str:
        return _history(exporter) if exporter else reverse("catalogue")

    def items(self, exporter: Exporter | None) -> QuerySet[Change]:
        changes = Change.objects.filter(source=configured_source().key)
        if exporter:
            changes = changes.filter(exporter=exporter)
        return changes.select_related("exporter")[:_MAX_ENTRIES]

    def item_title(self, item: Change) -> str:
        return one_line(sentence(item))

    def item_description(self, item: Change) -> str:
        return f"{one_line(sentence(item))}: {item.get_cause_display()}."

    def item_link(self, item: Change) -> str:
        if item.exporter:
            return _history(item.exporter)
        return reverse("directory", args=[item.directory])

    def item_guid(self, item: Change) -> str:
        return f"urn:exporter-hub:change:{item.pk}"

    def item_pubdate(self, item: Change) -> datetime:
        return item.at

    item_updateddate = item_pubdate


def _history(exporter: Exporter) -> str:
    return f"/exporters/{exporter.slug}/history"


def sentence(change: Change) -> str:
    """Return the change as a sentence: "Redis gained alerting rules"."""
    name = change.exporter.title if change.exporter else change.directory
    kind, what = ChangeKind(change.kind), ChangeWhat(change.what)
    if kind == ChangeKind.DIRECTORY:
        verb = "was added" if what == ChangeWhat.GAINED else "was removed"
        return f"{name}: the directory {change.directory} {verb}"
    words = {
        ChangeWhat.GAINED: f"{name} gained {kind.label}",
        ChangeWhat.LOST: f"{name} lost {kind.label}",
        ChangeWhat.USABLE: f"{name}: {kind.label} now usable",
        ChangeWhat.BROKEN: f"{name}: {kind.label} now broken",
    }
    return words[what]
