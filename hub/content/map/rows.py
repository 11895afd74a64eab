"""Read and write the rows of the map, one per directory."""

from datetime import datetime
from typing import NamedTuple

from hub.content.kinds import KINDS
from hub.models import ExporterContents

# One value for each of `KINDS`. None means unknown, not False.
Flags = tuple[bool | None, ...]
UNKNOWN: Flags = (None,) * len(KINDS)
ABSENT: Flags = (False,) * len(KINDS)

_FLAGS = [kind.field for kind in KINDS] + [kind.usable_field for kind in KINDS]


class MapEntry(NamedTuple):
    """The contents of one directory. `usable` is False if the kind is absent, None if unknown."""

    tree_sha: str = ""
    present: Flags = UNKNOWN
    usable: Flags = UNKNOWN
    stale: str = ""  # the reason why the listed tree was not judged; "" if it was
    as_of: datetime | None = None  # for a stale entry: when its tree was last confirmed


class DirectoryRow(NamedTuple):
    """A directory's entry, and the id of its exporter."""

    exporter: int | None
    entry: MapEntry


def read_rows(source_key: str) -> dict[str, DirectoryRow]:
    """Return the rows of the source's map by directory."""
    rows = ExporterContents.objects.filter(source=source_key).order_by()
    columns = ("directory", "exporter", "tree_sha", "stale", "as_of", *_FLAGS)
    return {
        directory: DirectoryRow(
            exporter,
            MapEntry(sha, tuple(flags[: len(KINDS)]), tuple(flags[len(KINDS) :]), stale, as_of),
        )
        for directory, exporter, sha, stale, as_of, *flags in rows.values_list(*columns).iterator()
    }


def write_rows(source_key: str, rows: dict[str, DirectoryRow]) -> None:
    """Create or replace the rows of these directories."""
    ExporterContents.objects.bulk_create(
        (
            ExporterContents(
                source=source_key,
                directory=directory,
                exporter_id=exporter,
                tree_sha=entry.tree_sha,
                stale=entry.stale,
                as_of=entry.as_of,
                **dict(zip(_FLAGS, entry.present + entry.usable, strict=True)),
            )
            for directory, (exporter, entry) in rows.items()
        ),
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["source", "directory"],
        update_fields=["exporter", "tree_sha", "stale", "as_of", *_FLAGS],
    )
