"""Read and write the rows of the map, one per directory."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from hub.content.kinds import KINDS
from hub.models import ExporterContents

# One value for each of `KINDS`. None means unknown, not False.
Flags = tuple[bool | None, ...]
UNKNOWN: Flags = (None,) * len(KINDS)
ABSENT: Flags = (False,) * len(KINDS)

_PRESENT = [kind.field for kind in KINDS]
_USABLE = [kind.usable_field for kind in KINDS]


class MapEntry(NamedTuple):
    """The contents of one directory. `usable` is False if the kind is absent, None if unknown."""

    tree_sha: str = ""
    present: Flags = UNKNOWN
    usable: Flags = UNKNOWN
    stale: str = ""  # the reason why the listed tree was not judged; "" if it was
    as_of: datetime | None = None  # for a stale entry: when its tree was last confirmed
    exporter: int | None = None  # the id of the exporter that owns the directory


def read_rows(source_key: str) -> dict[str, MapEntry]:
    """Return the source's map: directory → entry."""
    rows = ExporterContents.objects.filter(source=source_key).order_by()
    columns = (*_PRESENT, *_USABLE, "directory", "tree_sha", "stale", "as_of", "exporter")
    kinds = len(KINDS)
    entries = {}
    for row in rows.values_list(*columns).iterator():
        present, usable = row[:kinds], row[kinds : 2 * kinds]
        directory, sha, stale, as_of, exporter = row[2 * kinds :]
        entries[directory] = MapEntry(sha, present, usable, stale, as_of, exporter)
    return entries


def write_rows(source_key: str, entries: Mapping[str, MapEntry]) -> None:
    """Create or replace the rows of these directories."""
    ExporterContents.objects.bulk_create(
        (
            ExporterContents(
                source=source_key,
                directory=directory,
                tree_sha=entry.tree_sha,
                stale=entry.stale,
                as_of=entry.as_of,
                exporter_id=entry.exporter,
                **dict(zip(_PRESENT, entry.present, strict=True)),
                **dict(zip(_USABLE, entry.usable, strict=True)),
            )
            for directory, entry in entries.items()
        ),
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["source", "directory"],
        update_fields=["tree_sha", "stale", "as_of", "exporter", *_PRESENT, *_USABLE],
    )
