"""Atom feeds."""

from datetime import datetime
from typing import Any

from django.contrib.syndication.views import Feed
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed

from hub.github.source import configured_source
from hub.models import Change, ChangeKind, ChangeWhat

_NEWEST = 100


class ChangesFeed(Feed[Change, Any]):
    """What exporters gained and lost, newest first."""

    feed_type = Atom1Feed
    title = "Exporter Hub: changes"
    subtitle = "What each exporter gained or lost: charts, alerting rules, dashboards."

    def link(self) -> str:
        return reverse("catalogue")

    def items(self) -> QuerySet[Change]:
        changes = Change.objects.filter(source=configured_source().key)
        return changes.select_related("exporter")[:_NEWEST]

    def item_title(self, item: Change) -> str:
        return sentence(item)

    def item_description(self, item: Change) -> str:
        return f"{sentence(item)}: {item.get_cause_display()}."

    def item_link(self, item: Change) -> str:
        directory = {"directory": item.directory}
        return reverse("api:directory_contents", kwargs=directory)

    def item_guid(self, item: Change) -> str:
        return f"urn:exporter-hub:change:{item.pk}"

    def item_pubdate(self, item: Change) -> datetime:
        return item.at

    def item_updateddate(self, item: Change) -> datetime:
        return item.at

    def item_author_name(self, item: Any) -> str:
        return "Exporter Hub"


def sentence(change: Change) -> str:
    """The change in words: "Redis gained alerting rules"."""
    name = change.exporter.title if change.exporter else change.directory
    kind, what = ChangeKind(change.kind), ChangeWhat(change.what)
    if kind == ChangeKind.DIRECTORY:
        verb = "appeared" if what == ChangeWhat.GAINED else "is gone"
        return f"{name}: the directory {change.directory} {verb}"
    words = {
        ChangeWhat.GAINED: f"{name} gained {kind.label}",
        ChangeWhat.LOST: f"{name} lost {kind.label}",
        ChangeWhat.USABLE: f"{name}: {kind.label} became usable",
        ChangeWhat.BROKEN: f"{name}: {kind.label} broken now",
    }
    return words[what]
