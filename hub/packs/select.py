"""Read the files of a pack from Postgres: of the served trees, or of the trees it is pinned to."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from hub.content.content_files import ContentFile, files_of, versions_of, with_trees
from hub.github.source import Source
from hub.models import ContentTree, Exporter, ExporterContents, Lookup, Outcome
from hub.packs.options import InvalidOption, PackOptions


class NotInPack(Exception):
    """There is no such exporter, version or tree; the message says what to do."""


@dataclass(frozen=True)
class Directory:
    """A directory with the files and the judgement of one of its trees, as `files_of` needs it."""

    directory: str
    tree_sha: str
    tree_files: Any
    tree_judgement: Any


@dataclass(frozen=True)
class ExporterFiles:
    """The files of one exporter that a pack may contain, and the directories they are in."""

    exporter: Exporter
    version: str
    directories: tuple[Directory, ...]
    files: tuple[ContentFile, ...]
    unread: tuple[str, ...] = ()  # directories without a judgement


def select_files(source: Source, options: PackOptions) -> list[ExporterFiles]:
    """Return the files of the exporters, sorted by slug. Raises `NotInPack` or `InvalidOption`."""
    if not options.exporters:
        raise InvalidOption("Name at least one exporter, such as exporter=redis.")
    exporters = list(Exporter.objects.filter(slug__in=options.exporters).order_by("slug"))
    if missing := set(options.exporters) - {exporter.slug for exporter in exporters}:
        raise NotInPack(f"No exporter is called {min(missing)}. /api/v1/exporters lists them all.")
    rows = ExporterContents.objects.filter(source=source.key, exporter__in=exporters)
    directories: dict[int | None, list[Directory]] = {}
    unread: dict[int | None, list[str]] = {}
    pinned = _Pinned(source, options.trees) if options.trees else None
    for row in with_trees(rows).order_by("directory"):
        directory = Directory(row.directory, row.tree_sha, row.tree_files, row.tree_judgement)
        found = pinned.tree_of(directory) if pinned else directory
        if found and found.tree_judgement is not None:
            directories.setdefault(row.exporter_id, []).append(found)
        elif found:
            unread.setdefault(row.exporter_id, []).append(row.directory)
    if pinned:
        pinned.check()
    return [
        _files(exporter, directories.get(exporter.pk, []), unread.get(exporter.pk, []), options)
        for exporter in exporters
    ]


def pin(options: PackOptions, selected: Iterable[ExporterFiles]) -> PackOptions:
    """Return the options of an address whose pack stays the same when the contents change."""
    trees = {each.tree_sha for part in selected for each in part.directories}
    return replace(options, trees=tuple(sorted(trees)))


class _Pinned:
    """The trees that a pack is pinned to.

    A tree counts for a directory of the served source only if the served map names it there, or
    named it there in a snapshot that is still recorded: never a tree of a former source, and never
    one that was not judged.
    """

    def __init__(self, source: Source, trees: tuple[str, ...]) -> None:
        self._unused = set(trees)
        stored = ContentTree.objects.filter(pk__in=trees, judgement__isnull=False)
        self._stored = {tree.sha: tree for tree in stored}
        published = Lookup.objects.filter(
            run__source=source.key,
            run__snapshot__isnull=False,
            outcome=Outcome.FOUND,
            tree_sha__in=trees,
        )
        self._published = set(published.values_list("directory", "tree_sha"))

    def tree_of(self, served: Directory) -> Directory | None:
        """Return the directory with its pinned tree; None if none of the trees belongs to it."""
        shas = {sha for directory, sha in self._published if directory == served.directory}
        shas = (shas | {served.tree_sha}) & self._stored.keys()
        if len(shas) > 1:
            raise InvalidOption(
                f"{min(shas)} and {max(shas)} are trees of the same directory: name one."
            )
        self._unused -= shas
        for sha in shas:
            tree = self._stored[sha]
            return replace(
                served, tree_sha=sha, tree_files=tree.files, tree_judgement=tree.judgement
            )
        return None

    def check(self) -> None:
        """Raise `NotInPack` if a tree belongs to none of the exporters."""
        if self._unused:
            raise NotInPack(
                f"The contents have no tree {min(self._unused)} for this pack, or no longer. Use "
                "the address without `tree`, and pin it again."
            )


def _files(
    exporter: Exporter, directories: list[Directory], unread: list[str], options: PackOptions
) -> ExporterFiles:
    files = files_of(directories)
    versions = versions_of(files)
    if options.version and options.version not in versions:
        known = ", ".join(versions) or "none"
        raise NotInPack(f"{exporter.slug} has no version {options.version!r}. Known: {known}.")
    chosen = options.version or next(iter(versions), "")
    of_version = tuple(file for file in files if file.version in ("", chosen))
    return ExporterFiles(exporter, chosen, tuple(directories), of_version, tuple(unread))
