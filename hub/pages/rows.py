"""What is there for each exporter, read at once for pages that show many."""

from hub.models import ExporterContents


def contents_by_exporter(source: str) -> dict[int | None, list[ExporterContents]]:
    """Exporter id → its directories; under None those that belong to no exporter. One query."""
    rows = ExporterContents.objects.filter(source=source).only(
        "exporter_id",
        "directory",
        "iac",
        "alerts",
        "dashboard",
        "iac_usable",
        "alerts_usable",
        "dashboard_usable",
        "stale",
    )
    found: dict[int | None, list[ExporterContents]] = {}
    for row in rows:
        found.setdefault(row.exporter_id, []).append(row)
    return found
