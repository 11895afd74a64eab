"""The sitemap: addresses absolute, under the host that was asked."""

from datetime import datetime

from django.contrib.sitemaps import Sitemap
from django.db.models import QuerySet

from hub.models import Exporter


class Pages(Sitemap[str]):
    """The pages that there is one of each."""

    def items(self) -> list[str]:
        return ["/", "/coverage", "/status"]

    def location(self, item: str) -> str:
        return item


class Exporters(Sitemap[Exporter]):
    """Each exporter's page."""

    def items(self) -> QuerySet[Exporter]:
        return Exporter.objects.only("slug", "contents_changed_at").order_by("slug")

    def location(self, item: Exporter) -> str:
        return f"/exporters/{item.slug}"

    def lastmod(self, item: Exporter) -> datetime | None:
        return item.contents_changed_at


SITEMAPS = {"pages": Pages, "exporters": Exporters}
