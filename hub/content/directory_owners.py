"""Match directories to exporters: an admin's assignment, otherwise by name."""

from collections.abc import Iterable

from hub.models import DirectoryOwner, Exporter, ExporterContents
from hub.names.directories import match


def owners_of(source: str, directories: Iterable[str]) -> dict[str, int]:
    """Return directory → exporter id for the directories that match an exporter."""
    assigned = DirectoryOwner.objects.filter(source=source).values_list("directory", "exporter")
    return match(directories, Exporter.objects.all().names(), dict(assigned))


def match_again(source: str) -> None:
    """Match all directories of the map again, after a change to the catalogue."""
    rows = list(ExporterContents.objects.filter(source=source))
    owners = owners_of(source, [row.directory for row in rows])
    changed = [row for row in rows if row.exporter_id != owners.get(row.directory)]
    for row in changed:
        row.exporter_id = owners.get(row.directory)
    ExporterContents.objects.bulk_update(changed, ["exporter"], batch_size=1000)
