"""What a tree lists, and what of it the map has already."""

import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass

from hub.models import ExporterContents, Snapshot, TreeListing

Entries = dict[str, list[str]]  # {name: [type, sha]}

_REMEMBERED = 4  # trees; one of 10,000 directories is 4 MB


class _Recent:
    """The entries of the trees that this process met last: true for ever, and long to read."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, Entries] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, sha: str) -> Entries | None:
        with self._lock:
            if sha in self._entries:
                self._entries.move_to_end(sha)
            return self._entries.get(sha)

    def put(self, sha: str, entries: Entries) -> None:
        with self._lock:
            self._entries[sha] = entries
            self._entries.move_to_end(sha)
            if len(self._entries) > _REMEMBERED:
                self._entries.popitem(last=False)

    def forget(self, sha: str) -> None:
        with self._lock:
            self._entries.pop(sha, None)


_recent = _Recent()


def entries_of(sha: str) -> Entries:
    """The children of a tree that Postgres keeps. Do not change them."""
    entries = _recent.get(sha)
    if entries is None:
        entries = TreeListing.objects.get(pk=sha).entries
        _recent.put(sha, entries)
    return entries


def keep_entries(sha: str, entries: Entries) -> None:
    """Let Postgres keep the children of a tree."""
    TreeListing.objects.bulk_create([TreeListing(pk=sha, entries=entries)], ignore_conflicts=True)
    _recent.put(sha, entries)


def forget_entries(sha: str) -> None:
    """Have the children of a tree asked for again."""
    TreeListing.objects.filter(pk=sha).delete()
    _recent.forget(sha)


def directories_of(sha: str) -> dict[str, str]:
    """The directories of a tree that Postgres keeps: name → tree SHA."""
    return {name: child for name, (kind, child) in entries_of(sha).items() if kind == "tree"}


@dataclass(frozen=True)
class Standing:
    """How the map stands to a listing: what it has as it is listed, and the rows of all else."""

    unchanged: frozenset[str]
    others: list[int]  # primary keys

    @property
    def rows(self) -> int:
        """How many the map has."""
        return len(self.unchanged) + len(self.others)


def standing(source: str, listed: dict[str, str]) -> Standing:
    """Compare the map itself with the directories (name → tree SHA), by three columns of it."""
    same, others = [], []
    rows = ExporterContents.objects.filter(source=source).order_by()
    for pk, directory, sha, stale in rows.values_list("pk", "directory", "tree_sha", "stale"):
        if not stale and listed.get(directory) == sha:
            same.append(directory)
        else:
            others.append(pk)
    return Standing(frozenset(same), others)


def listed_before(newest: Snapshot | None, listed: dict[str, str]) -> set[str]:
    """The directories that the newest snapshot holds as they are listed, if it is a whole one."""
    if newest is None or not newest.complete:
        return set()
    with suppress(TreeListing.DoesNotExist):
        before = directories_of(newest.contents_sha)
        return {name for name, sha in listed.items() if before.get(name) == sha}
    return set()
