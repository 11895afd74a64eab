"""Which exporter each directory belongs to: names, and an admin's word where there is one."""

from collections.abc import Iterable

from hub.models import DirectoryOwner, Exporter, ExporterContents
from hub.names.directories import match


def owners_of(source: str, directories: Iterable[str]) -> dict[str, int]:
    """Directory → exporter id, for those that belong to one."""
    given = DirectoryOwner.objects.filter(source=source).values_list("directory", "exporter")
    return match(directories, Exporter.objects.all().names(), dict(given))


def match_again(source: str) -> None:
    """Give each directory of the map to the exporter that bears its name now."""
    rows = list(ExporterContents.objects.filter(source=source))
    owners = owners_of(source, [row.directory for row in rows])
    changed = [row for row in rows if row.exporter_id != owners.get(row.directory)]
    for row in changed:
        row.exporter_id = owners.get(row.directory)
    ExporterContents.objects.bulk_update(changed, ["exporter"], batch_size=1000)
