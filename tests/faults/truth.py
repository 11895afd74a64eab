"""The truth: a writer that commits to the fake GitHub and knows the correct map of each commit.

The writer chooses the kinds of a directory and creates files for them, without the hub's rules.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from hub.demo.fake_github import Repository
from tests.common import contents

BRANCH = "main"
KINDS = "IAG"
EXPORTERS = ("Alpha", "Beta", "Gamma")  # in the catalogue; their directories are never deleted
PACKED = EXPORTERS[0]  # always has alerts, so that its pack is never empty
_POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
_MOST_DIRECTORIES = 14
_FEWEST_DIRECTORIES = 9

# directory → the kinds that it contains; lower case: it may contain them, which no one can know
Map = dict[str, frozenset[str]]


def file_of(kind: str, salt: int) -> tuple[str, bytes]:
    """Return a path and a usable file of a kind; the content differs for each `salt`."""
    if kind == "I":
        # A library: Helm would install nothing of any other chart without templates.
        return "chart/Chart.yaml", contents.CHART + f"type: library\n# {salt}\n".encode()
    if kind == "A":
        return "alerts.yaml", contents.alert(f"Down{salt}", f"up_{salt} == 0")
    return "dashboard.json", contents.dashboard(f"Number {salt}")


@dataclass(frozen=True)
class Folder:
    """A directory at a commit: its tree SHA, and its files by path."""

    tree_sha: str
    files: dict[str, bytes]


@dataclass
class Commit:
    """A commit of the branch; times are seconds since the epoch.

    `folders` are the directories of the exporters in the catalogue.
    """

    number: int
    tree_sha: str
    map: Map
    folders: dict[str, Folder] = field(default_factory=dict)
    visible_from: float = float("inf")  # GitHub cannot have shown it earlier
    visible_until: float = float("inf")  # GitHub cannot have shown it later

    @property
    def pushed(self) -> bool:
        """Whether GitHub has had it as the newest commit."""
        return self.visible_from != float("inf")


@dataclass
class Truth:
    """All commits of the branch, oldest first."""

    commits: list[Commit] = field(default_factory=list)

    @property
    def newest(self) -> Commit:
        """The newest commit."""
        return self.commits[-1]


class Writer:
    """Commits and pushes; `deliver(objects, branches, forget)` sends them to the fake GitHub.

    While GitHub is down, commits are stored here and pushed with the next one.
    """

    def __init__(self, deliver: Callable[[list[list[Any]], dict[str, str], bool], None]) -> None:
        self._deliver = deliver
        self._repository = Repository()
        self._pushed: set[str] = set()  # SHAs of objects that GitHub has
        self._random = random.Random(5)
        self._lock = threading.RLock()
        self._salt = 0
        self._map: Map = {}
        self._odd: dict[str, str] = {}  # directory → its odd file, as `hide` names it
        self.truth = Truth()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    # --- one commit -------------------------------------------------------------------------------

    def begin(self, directories: int = 12) -> Commit:
        """Create the first commit."""
        with self._lock:
            for number in range(directories):
                name = EXPORTERS[number] if number < len(EXPORTERS) else self._new_name()
                kinds = "".join(self._random.sample(KINDS, self._random.randint(0, 3)))
                self._add(name, f"{kinds}A" if name == PACKED else kinds)
            return self._commit()

    def change(self, directories: int = 1) -> Commit:
        """Commit a change of several directories: add, remove or rewrite files."""
        with self._lock:
            for name in self._random.sample(sorted(self._map), min(directories, len(self._map))):
                self._change(name)
            return self._commit()

    def renew(self, directories: int) -> Commit:
        """Commit new files of every kind in several directories."""
        with self._lock:
            for name in self._random.sample(sorted(self._map), directories):
                for kind in KINDS:
                    self._set(name, kind)
            return self._commit()

    def come_and_go(self) -> Commit:
        """Commit a new directory, or delete one."""
        with self._lock:
            spare = sorted(self._map.keys() - set(EXPORTERS))
            grow = self._random.random() < 0.5 or len(self._map) <= _FEWEST_DIRECTORIES
            if grow and len(self._map) < _MOST_DIRECTORIES:
                self._add(self._new_name(), self._random.choice(KINDS))
            else:
                name = self._random.choice(spare)
                self._repository.delete(f"contents/{name}")
                del self._map[name]
                self._odd.pop(name, None)
            return self._commit()

    def hide(self, how: str) -> Commit:
        """Commit a new directory with a file that the hub cannot read, beside one that it can.

        `how`: "link" (out of the directory), "submodule" or "pointer" (of Git LFS); "inside" is a
        link that it can follow. `reveal` deletes the file. In a known directory, kinds could become
        unknown and then absent, which the change log does not report.
        """
        with self._lock:
            name, kind = self._new_name(), self._random.choice(KINDS)
            self._add(name, kind)
            path = f"contents/{name}/odd.yaml"
            if how == "inside":
                self._repository.link(path, file_of(kind, 0)[0])
            elif how == "link":
                self._repository.link(path, "../../outside.yaml")
            elif how == "submodule":
                self._repository.add_submodule(path)
            else:
                self._repository.write(path, _POINTER)
            self._odd[name] = how
            return self._commit()

    def reveal(self) -> Commit:
        """Delete the files of `hide`."""
        with self._lock:
            for name in self._odd:
                self._repository.delete(f"contents/{name}/odd.yaml")
            self._odd.clear()
            return self._commit()

    def force_push(self) -> Commit:
        """Rewrite every directory on a branch without history and delete all earlier objects."""
        with self._lock:
            self._repository, self._pushed = Repository(), set()
            self._odd.clear()
            for name, kinds in list(self._map.items()):
                self._add(name, "".join(kinds))
            return self._commit(forget=True)

    def _new_name(self) -> str:
        self._salt += 1
        return f"Directory {self._salt}"

    def _add(self, name: str, kinds: str) -> None:
        self._salt += 1
        # Keeps the directory from being empty, and changes its tree at a force push.
        self._write(f"{name}/README.md", f"# {name} {self._salt}\n".encode())
        self._map[name] = frozenset()
        for kind in kinds:
            self._set(name, kind)

    def _change(self, name: str) -> None:
        kind = self._random.choice(KINDS)
        may_delete = kind in self._map[name] and name not in self._odd
        may_delete = may_delete and (name, kind) != (PACKED, "A")
        if may_delete and self._random.random() < 0.5:
            self._repository.delete(f"contents/{name}/{file_of(kind, 0)[0]}")
            self._map[name] -= {kind}
        else:
            self._set(name, kind)

    def _set(self, name: str, kind: str) -> None:
        self._salt += 1
        path, content = file_of(kind, self._salt)
        self._write(f"{name}/{path}", content)
        self._map[name] |= {kind}

    def _write(self, path: str, content: bytes) -> None:
        self._repository.write(f"contents/{path}", content)

    # --- what GitHub has --------------------------------------------------------------------------

    def _commit(self, *, forget: bool = False) -> Commit:
        sha = self._repository.resolve(BRANCH)
        assert sha is not None
        shown = dict(self._map)
        for name in (name for name, how in self._odd.items() if how != "inside"):
            shown[name] |= {kind.lower() for kind in KINDS if kind not in shown[name]}
        number = len(self.truth.commits)
        self.truth.commits.append(Commit(number, sha, shown, dict(self._folders())))
        self._push(forget=forget)
        return self.truth.newest

    def _folders(self) -> Iterator[tuple[str, Folder]]:
        last = self.truth.newest.folders if self.truth.commits else {}
        for name in EXPORTERS:
            sha = self._repository.resolve(f"{BRANCH}:contents/{name}")
            if sha is None:
                continue  # `shrunk` has deleted it
            if name in last and last[name].tree_sha == sha:
                yield name, last[name]
                continue
            entries = list(self._repository.walk(sha))
            blobs = {each.path: self._repository.blob(each.sha) for each in entries}
            files = {path: data for path, data in blobs.items() if data is not None}
            yield name, Folder(sha, files)

    def _push(self, *, forget: bool = False) -> None:
        objects = self._repository.objects
        new = [sha for sha in list(objects) if sha not in self._pushed]
        before = time.time()
        try:
            self._deliver(
                [[objects[sha].type_num, objects[sha].as_raw_string()] for sha in new],
                dict(self._repository.branches),
                forget,
            )
        except OSError:
            return  # GitHub is down
        self._pushed.update(new)
        now = time.time()
        for commit in self.truth.commits[:-1]:
            if commit.pushed and commit.visible_until > now:
                commit.visible_until = now
        newest = self.truth.newest
        newest.visible_from = min(newest.visible_from, before)

    def hidden(self) -> None:
        """Record that GitHub shows nothing from now on: it was killed or the branch is deleted."""
        with self._lock:
            newest = self.truth.newest
            if newest.pushed:
                newest.visible_until = min(newest.visible_until, time.time())

    def shown_again(self) -> None:
        """Push everything again to an empty GitHub, as a new commit with the same tree."""
        with self._lock:
            self._pushed = set()
            self._commit(forget=True)

    @contextmanager
    def branch_vanished(self) -> Iterator[None]:
        """Delete the branch inside the block."""
        with self._lock:
            branches = dict(self._repository.branches)
            self._deliver([], {"elsewhere": branches[BRANCH]}, False)
            self.hidden()
            try:
                yield
            finally:
                self._commit()

    @contextmanager
    def shrunk(self) -> Iterator[None]:
        """Delete all directories but one inside the block."""
        with self._lock:
            before = dict(self._map)
            for name in sorted(self._map)[1:]:
                self._repository.delete(f"contents/{name}")
                del self._map[name]
            self._odd.clear()
            self._commit()
            try:
                yield
            finally:
                for name in before.keys() - self._map.keys():
                    self._add(name, "".join(before[name]))
                self._commit()

    # --- continuous commits -----------------------------------------------------------------------

    def start(self, every: float) -> None:
        """Commit continuously, about every `every` seconds."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._go_on, args=(every,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop committing."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Pause the continuous commits inside the block."""
        with self._lock:
            yield

    def _go_on(self, every: float) -> None:
        while not self._stop.wait(every * self._random.uniform(0.5, 1.5)):
            if self._random.random() < 0.2:
                self.come_and_go()
            else:
                self.change(self._random.randint(1, 4))
