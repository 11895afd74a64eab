"""The catalogue as a CSV file that an import takes back without a change."""

from hub.catalogue import table
from hub.catalogue.apply_import import known


def export() -> str:
    """All exporters by slug, in the hub's own shape."""
    return table.write(
        {
            column: ("1" if value else "0") if isinstance(value, bool) else str(value)
            for column, value in exporter.values.items()
        }
        for exporter in known()
    )
