"""What is there for each exporter, read at once for pages that show many."""

from typing import NamedTuple

from hub.models import ExporterContents


class Held(NamedTuple):
    """What one directory holds: of `ExporterContents`, what lists show."""

    exporter_id: int | None
    directory: str
    iac: bool | None
    alerts: bool | None
    dashboard: bool | None
    iac_usable: bool | None
    alerts_usable: bool | None
    dashboard_usable: bool | None
    stale: str


def contents_by_exporter(source: str) -> dict[int | None, list[Held]]:
    """Exporter id → its directories; under None those that belong to no exporter. One query."""
    rows = ExporterContents.objects.filter(source=source).values_list(*Held._fields)
    found: dict[int | None, list[Held]] = {}
    for row in map(Held._make, rows):
        found.setdefault(row.exporter_id, []).append(row)
    return found
