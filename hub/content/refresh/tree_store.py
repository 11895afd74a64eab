"""What a tree lists, and what of it the map has already."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import QuerySet

from hub.github.client import GitHubClient
from hub.github.source import Source
from hub.models import ExporterContents, Snapshot, TreeListing

logger = logging.getLogger(__name__)

Entries = dict[str, list[str]]  # {name: [type, sha]}

_REMEMBERED = 4  # trees; one of 10,000 directories is 4 MB
# Characters; what file systems take, and what the tables do.
LONGEST_NAME = 255


@dataclass(frozen=True)
class Tree:
    """The children of a git tree. Shared by all who ask for it: do not change them."""

    entries: Entries

    @cached_property
    def directories(self) -> dict[str, str]:
        """Name → tree SHA."""
        return {name: sha for name, (kind, sha) in self.entries.items() if kind == "tree"}


class _Recent:
    """The trees that this process met last: true for ever, and long to read."""

    def __init__(self) -> None:
        self._trees: OrderedDict[str, Tree] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, sha: str) -> Tree | None:
        with self._lock:
            if sha in self._trees:
                self._trees.move_to_end(sha)
            return self._trees.get(sha)

    def put(self, sha: str, tree: Tree) -> Tree:
        with self._lock:
            self._trees[sha] = tree
            self._trees.move_to_end(sha)
            if len(self._trees) > _REMEMBERED:
                self._trees.popitem(last=False)
        return tree

    def forget(self, sha: str) -> None:
        with self._lock:
            self._trees.pop(sha, None)


_recent = _Recent()


def tree_of(sha: str) -> Tree:
    """A tree that was learned. Raises `TreeListing.DoesNotExist` where nobody remembers it."""
    return _recent.get(sha) or _recent.put(sha, Tree(TreeListing.objects.get(pk=sha).entries))


def fetch_tree(client: GitHubClient, source: Source, sha: str) -> tuple[Tree, int]:
    """A tree, asked of GitHub, and the requests that it took.

    What a SHA names never changes, so whoever misses it in Postgres may ask for it at any time.
    Raises a `GitHubError`.
    """
    answer = client.tree(source.repository, sha)
    return learned_tree(sha, answer.data), answer.requests


def learned_tree(sha: str, answer: dict[str, Any]) -> Tree:
    """The tree of GitHub's answer, without children whose names no column holds (and no file
    system). The process remembers it; `keep_trees` lets Postgres do so."""
    children = {entry["path"]: [entry["type"], entry["sha"]] for entry in answer["tree"]}
    too_long = [name for name in children if len(name) > LONGEST_NAME]
    for name in too_long:
        logger.warning("left out, for its name is too long: %s…", name[:80])
        del children[name]
    return _recent.put(sha, Tree(children))


def keep_trees(trees: Mapping[str, Tree]) -> None:
    """Let Postgres keep trees, by their SHA."""
    TreeListing.objects.bulk_create(
        [TreeListing(pk=sha, entries=tree.entries) for sha, tree in sorted(trees.items())],
        ignore_conflicts=True,
    )


def forget_tree(sha: str) -> None:
    """Have a tree asked for again."""
    TreeListing.objects.filter(pk=sha).delete()
    _recent.forget(sha)


@dataclass(frozen=True)
class Standing:
    """How the map stands to a listing: how many directories it has as they are listed, the listed
    ones (name → tree SHA) that it has not, and its rows of all else."""

    unchanged: int
    listed: dict[str, str]
    others: dict[str, ExporterContents]

    @property
    def rows(self) -> int:
        """How many the map has."""
        return self.unchanged + len(self.others)


def standing(newest: Snapshot | None, source: str, listed: Mapping[str, str]) -> Standing:
    """Compare the map, which is that of the newest snapshot, with directories (name → tree SHA)."""
    rows = ExporterContents.objects.filter(source=source).order_by()
    before = listed_in(newest)
    if before is not None:
        new = {name: sha for name, sha in listed.items() if before.get(name) != sha}
        gone = before.keys() - listed.keys()
        others = _by_directory(rows.filter(directory__in=gone | new.keys()))
        return Standing(len(listed) - len(new), new, others)
    new, keys = dict(listed), []
    for pk, directory, sha, stale in rows.values_list("pk", "directory", "tree_sha", "stale"):
        if not stale and listed.get(directory) == sha:
            del new[directory]
        else:
            keys.append(pk)
    return Standing(len(listed) - len(new), new, _by_directory(rows.filter(pk__in=keys)))


def judged_again(source: str, listed: Mapping[str, str]) -> Standing:
    """How the map stands when nothing of it may stay as it is."""
    rows = ExporterContents.objects.filter(source=source).order_by()
    return Standing(0, dict(listed), _by_directory(rows))


def _by_directory(rows: QuerySet[ExporterContents]) -> dict[str, ExporterContents]:
    return {row.directory: row for row in rows}


def listed_in(snapshot: Snapshot | None) -> dict[str, str] | None:
    """The directories (name → tree SHA) whose content a snapshot holds, all of them.

    None where some of it is stale, or where nobody remembers the tree.
    """
    if snapshot is not None and snapshot.complete:
        with suppress(TreeListing.DoesNotExist):
            return tree_of(snapshot.contents_sha).directories
    return None
