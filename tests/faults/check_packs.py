"""Check packs and lists of metrics: each is that of a commit, and never older than the map.

Like the checker, it uses no rule, model or query of the hub.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from tests.faults.answers import Item, Pack, metrics_in, rules_item
from tests.faults.findings import WRONG, Finding
from tests.faults.readers import Read
from tests.faults.truth import EXPORTERS, PACKED, Commit, Folder, file_of

_PATHS = {kind: file_of(kind, 0)[0] for kind in "IAG"}
_CACHED = {"tab"}  # served from the process's cache, which is as old as its map


class Floors:
    """The number of the oldest commit that a reader may still get of a directory, at any time.

    A reader who got a map must not get anything older afterwards.
    """

    def __init__(
        self, reads: Iterable[Read], commits: Sequence[Commit], snapshots: dict[int, str]
    ) -> None:
        first: dict[str, int] = {}
        for commit in commits:
            first.setdefault(commit.tree_sha, commit.number)
        self._times: dict[str, list[float]] = defaultdict(list)
        self._numbers: dict[str, list[int]] = defaultdict(list)
        judged = set()
        for read in reads:
            body = read.body
            if body is None or body.run not in snapshots or id(body) in judged:
                continue
            judged.add(id(body))
            number = first.get(snapshots[body.run], 0)
            for directory in body.contents.keys() & set(EXPORTERS) - body.stale.keys():
                numbers = self._numbers[directory]
                self._times[directory].append(read.received)
                numbers.append(max(number, numbers[-1] if numbers else 0))

    def is_served(self, directory: str, time: float) -> bool:
        """Return whether a reader had got a map with the directory at this time."""
        return bisect_right(self._times[directory], time) > 0

    def at(self, directory: str, time: float) -> int:
        """Return the commit number for a request that was sent at this time."""
        index = bisect_right(self._times[directory], time)
        return self._numbers[directory][index - 1] if index else 0


class _Past:
    """Finds the oldest commit that an answer may be of, which must not become older.

    `shown_in` returns what an answer about a directory shows in a commit.
    """

    def __init__(
        self,
        commits: Sequence[Commit],
        floors: Floors,
        shown_in: Callable[[Folder], object],
    ) -> None:
        self._commits, self._floors = commits, floors
        self._shown: dict[str, list[object]] = {
            name: [
                shown_in(commit.folders[name]) if name in commit.folders else None
                for commit in commits
            ]
            for name in EXPORTERS
        }
        self._reached: dict[tuple[str, str], int] = {}  # (reader, directory) → commit number

    def fault(self, read: Read, directory: str, shown: object, *, lag: float | None = None) -> str:
        """Return what is wrong with an answer about a directory, or "".

        With a `lag`, the answer may be by as many seconds older than the map and earlier answers.
        """
        key = (read.reader, directory)
        oldest = self._floors.at(directory, read.sent - (lag or 0))
        if lag is None:
            oldest = max(oldest, self._reached.get(key, 0))
        number = self._first(directory, shown, oldest, read.received)
        if number is not None:
            self._reached[key] = number
            return ""
        number = self._first(directory, shown, 0, read.received)
        if number is None:
            return f"shows {directory} as in no commit"
        return f"shows {directory} as in commit {number}, which is older than {oldest}"

    def _first(self, directory: str, shown: object, oldest: int, time: float) -> int | None:
        values, commits = self._shown[directory], self._commits
        numbers = range(oldest, len(commits))
        fitting = (n for n in numbers if values[n] == shown and commits[n].visible_from <= time)
        return next(fitting, None)


def check_packs(reads: Sequence[Read], commits: Sequence[Commit], floors: Floors) -> list[Finding]:
    """Check that each pack has what the trees that it names contain, and nothing else.

    The same trees always give the same bytes, also at an address that is pinned to them.
    """
    findings = []
    past = _Past(commits, floors, lambda folder: folder.tree_sha)
    folders = {
        (name, folder.tree_sha): folder for c in commits for name, folder in c.folders.items()
    }
    digests: dict[tuple[bool, tuple[tuple[str, str], ...]], str] = {}
    for read in reads:
        pack = read.pack
        if pack is None:
            continue
        if read.pin:
            fault = "" if dict(pack.trees) == {PACKED: read.pin} else "is not of the pinned tree"
        else:
            faults = (past.fault(read, name, sha) for name, sha in pack.trees)
            fault = next(filter(None, faults), "")
        fault = fault or _fault_of(pack, folders)
        key = (pack.files is None, pack.trees)
        if digests.setdefault(key, pack.digest) != pack.digest:
            fault = fault or "has other bytes than an earlier one of the same trees"
        if fault:
            findings.append(Finding(WRONG, read.received, f"{read.reader}: the pack {fault}"))
    return findings


def _fault_of(pack: Pack, folders: dict[tuple[str, str], Folder]) -> str:
    if any(tree not in folders for tree in pack.trees):
        return "names a tree that no commit had"
    expected = Counter(item for tree in pack.trees for item in _items(folders[tree]))
    applied = Counter({item: expected[item] for item in expected if item[0] != "I"})
    return _difference(pack.resources, applied) or (
        "" if pack.files is None else _difference(pack.files, expected)
    )


def _difference(found: Iterable[Item], expected: Counter[Item]) -> str:
    items = Counter(found)
    parts = [("lacks", expected - items), ("should not have", items - expected)]
    return " and ".join(f"{verb} {sorted(rest)}" for verb, rest in parts if rest)


def _items(folder: Folder) -> list[Item]:
    items: list[Item] = []
    for kind, path in _PATHS.items():
        if path in folder.files:
            data = folder.files[path]
            items.append(rules_item(data) if kind == "A" else (kind, data.decode()))
    return items


def check_metrics(
    reads: Sequence[Read], commits: Sequence[Commit], floors: Floors, lag: float
) -> list[Finding]:
    """Check that the metrics of an exporter are those that its alerts use in a commit."""
    findings = []
    past = _Past(commits, floors, lambda folder: metrics_in(folder.files.get(_PATHS["A"], b"")))
    for read in reads:
        if read.metrics is None or not floors.is_served(PACKED, read.sent - lag):
            continue  # before the first snapshot, there are none
        fault = past.fault(read, PACKED, read.metrics, lag=lag if read.reader in _CACHED else None)
        if fault:
            findings.append(Finding(WRONG, read.received, f"{read.reader}: {fault}"))
    return findings
