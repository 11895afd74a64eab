"""What is there for each exporter, read at once for pages that show many."""

from typing import Protocol

from hub.content.kinds import KINDS
from hub.models import ExporterContents


class DirectoryRow(Protocol):
    """What lists show of a row of `ExporterContents`, beside the two columns of each kind."""

    @property
    def exporter_id(self) -> int | None: ...

    @property
    def directory(self) -> str: ...

    @property
    def stale(self) -> str: ...


def contents_by_exporter(source: str) -> dict[int | None, list[DirectoryRow]]:
    """Exporter id → its directories; under None those that belong to no exporter. One query."""
    kinds = [column for kind in KINDS for column in (kind.field, kind.usable_field)]
    rows = ExporterContents.objects.filter(source=source)
    found: dict[int | None, list[DirectoryRow]] = {}
    for row in rows.values_list("exporter_id", "directory", "stale", *kinds, named=True):
        found.setdefault(row.exporter_id, []).append(row)
    return found
