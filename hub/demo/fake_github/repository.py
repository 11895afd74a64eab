"""In-memory git repositories with real objects and SHAs, and repositories without files."""

import json
import os
import stat
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tree
from dulwich.refs import Ref
from dulwich.repo import Repo

_AUTHOR = b"Fake GitHub <fake@github.invalid>"
_FOLDER = 0o040000
_SUBMODULE = 0o160000


@dataclass(frozen=True)
class TreeEntry:
    """An entry of a tree, with its git mode."""

    path: str
    mode: int
    sha: str

    @property
    def type(self) -> str:
        """The type of the entry: blob, tree or commit (a submodule)."""
        if self.mode == _FOLDER:
            return "tree"
        return "commit" if self.mode == _SUBMODULE else "blob"


class Repository:
    """Git objects by SHA, and branches. Writing is thread-safe."""

    def __init__(self) -> None:
        self.objects: dict[str, ShaFile] = {}
        self.branches: dict[str, str] = {}  # name → commit SHA
        self._lock = threading.Lock()

    @classmethod
    def of_folder(cls, folder: Path, branch: str = "main") -> "Repository":
        """Import a folder as one commit, or the objects and branches of a git repository."""
        repository = cls()
        if (folder / ".git").exists():
            repository._read_git(folder, branch)
        elif tree := repository._add_folder(folder):
            repository._commit(branch, tree, "Import the folder", parents=())
        return repository

    # --- reading ----------------------------------------------------------------------------------

    def resolve(self, name: str) -> str | None:
        """Return the tree SHA of a branch, commit SHA or tree SHA, optionally with `:path`."""
        name, _, path = name.partition(":")
        found = self.objects.get(self.branches.get(name, name))
        if isinstance(found, Commit):
            found = self.objects.get(found.tree.decode())
        if not isinstance(found, Tree):
            return None
        entry = self._below(str(found.id.decode()), path)
        return entry.sha if entry and entry.type == "tree" else None

    def is_commit(self, sha: str) -> bool:
        """Whether a SHA is that of a commit."""
        return isinstance(self.objects.get(sha), Commit)

    def entries(self, tree_sha: str) -> list[TreeEntry]:
        """Return the direct children of a tree, in git's order."""
        tree = self.objects[tree_sha]
        assert isinstance(tree, Tree)  # noqa: S101 — a programming error
        return [
            TreeEntry(os.fsdecode(item.path), item.mode, item.sha.decode()) for item in tree.items()
        ]

    def walk(self, tree_sha: str, prefix: str = "") -> Iterator[TreeEntry]:
        """Yield all entries below a tree, including folders, in the order of `recursive`."""
        for entry in self.entries(tree_sha):
            yield TreeEntry(prefix + entry.path, entry.mode, entry.sha)
            if entry.type == "tree":
                yield from self.walk(entry.sha, f"{prefix}{entry.path}/")

    def find(self, branch: str, path: str) -> TreeEntry | None:
        """Return the file or folder at `path` of a branch. The root has an empty path."""
        sha = self.resolve(branch)
        return self._below(sha, path) if sha else None

    def _below(self, tree_sha: str, path: str) -> TreeEntry | None:
        found = TreeEntry("", _FOLDER, tree_sha)
        for part in filter(None, path.split("/")):
            children = self.entries(found.sha) if found.type == "tree" else []
            child = next((entry for entry in children if entry.path == part), None)
            if child is None:
                return None
            found = child
        return TreeEntry(path.strip("/"), found.mode, found.sha)

    def blob(self, sha: str) -> bytes | None:
        """Return the content of a blob."""
        found = self.objects.get(sha)
        return found.data if isinstance(found, Blob) else None

    def size(self, sha: str) -> int:
        """Return the size of a blob in bytes; 0 for other objects."""
        return len(self.blob(sha) or b"")

    def commits(self, branch: str, path: str = "") -> list[Commit]:
        """Return the first-parent history, newest first; with `path`, only its changes."""
        history: list[Commit] = []
        commit = self.objects.get(self.branches.get(branch, branch))
        while isinstance(commit, Commit):
            parent = self.objects.get(commit.parents[0].decode()) if commit.parents else None
            if not path or self._at(commit, path) != self._at(parent, path):
                history.append(commit)
            commit = parent
        return history

    def _at(self, commit: ShaFile | None, path: str) -> str | None:
        found = self.find(commit.id.decode(), path) if commit is not None else None
        return found.sha if found else None

    # --- writing ----------------------------------------------------------------------------------

    def write(self, path: str, content: bytes, message: str = "Write", branch: str = "main") -> str:
        """Commit a file. Return the commit's SHA."""
        return self._change(path, self.add(Blob.from_string(content)), message, branch)

    def write_folder(self, path: str, folder: Path, branch: str = "main") -> str:
        """Commit a folder of this machine as `path`. Return the commit's SHA."""
        return self._change(path, self._add_folder(folder), "Write a folder", branch, mode=_FOLDER)

    def write_tree(self, path: str, tree: Tree, branch: str = "main") -> str:
        """Commit a tree of added objects as `path`. Return the commit's SHA."""
        return self._change(path, self.add(tree), "Write a tree", branch, mode=_FOLDER)

    def link(self, path: str, target: str, branch: str = "main") -> str:
        """Commit a symbolic link. Return the commit's SHA."""
        sha = self.add(Blob.from_string(os.fsencode(target)))
        return self._change(path, sha, "Link", branch, mode=0o120000)

    def add_submodule(self, path: str, sha: str = "5" * 40, branch: str = "main") -> str:
        """Commit a submodule, which names a commit of another repository."""
        return self._change(path, sha, "Add a submodule", branch, mode=_SUBMODULE)

    def delete(self, path: str, message: str = "Delete", branch: str = "main") -> str:
        """Commit the deletion of a file or folder, and of folders that become empty."""
        return self._change(path, None, message, branch)

    def _change(
        self, path: str, sha: str | None, message: str, branch: str, mode: int = 0o100644
    ) -> str:
        with self._lock:
            parents = (self.branches[branch],) if branch in self.branches else ()
            root = self.resolve(branch)
            tree = self._replaced(root, path.strip("/").split("/"), sha, mode)
            return self._commit(branch, tree or self.add(Tree()), message, parents)

    def _replaced(
        self, tree_sha: str | None, parts: list[str], sha: str | None, mode: int
    ) -> str | None:
        """Copy the tree with one path set or removed. Return the SHA, or None if it is empty."""
        tree = Tree()
        for entry in self.entries(tree_sha) if tree_sha else []:
            tree.add(os.fsencode(entry.path), entry.mode, _id(entry.sha))
        name, rest = os.fsencode(parts[0]), parts[1:]
        if rest:
            old = tree[name][1].decode() if name in tree and tree[name][0] == _FOLDER else None
            sha, mode = self._replaced(old, rest, sha, mode), _FOLDER
        if sha:
            tree[name] = (mode, _id(sha))
        elif name in tree:
            del tree[name]
        return self.add(tree) if len(tree) else None

    def _commit(self, branch: str, tree: str, message: str, parents: tuple[str, ...]) -> str:
        commit = Commit()
        commit.tree = tree.encode()
        commit.parents = [_id(parent) for parent in parents]
        commit.author = commit.committer = _AUTHOR
        commit.author_time = commit.commit_time = int(time.time())
        commit.author_timezone = commit.commit_timezone = 0
        commit.message = message.encode()
        self.branches[branch] = self.add(commit)
        return self.branches[branch]

    def add(self, git_object: ShaFile) -> str:
        """Add a git object. Return its SHA."""
        sha = str(git_object.id.decode())
        self.objects[sha] = git_object
        return sha

    def _add_folder(self, folder: Path) -> str | None:
        """Add a folder. Return the SHA of `git add . && git write-tree`; None if empty."""
        tree = Tree()
        for path in folder.iterdir():
            name = os.fsencode(path.name)
            if path.is_symlink():
                target = os.fsencode(path.readlink())
                tree.add(name, 0o120000, _id(self.add(Blob.from_string(target))))
            elif path.is_dir():
                sha = self._add_folder(path) if path.name != ".git" else None
                if sha:
                    tree.add(name, _FOLDER, _id(sha))
            else:
                mode = 0o100755 if path.stat().st_mode & stat.S_IXUSR else 0o100644
                tree.add(name, mode, _id(self.add(Blob.from_string(path.read_bytes()))))
        return self.add(tree) if len(tree) else None

    def _read_git(self, folder: Path, branch: str) -> None:
        with Repo(str(folder)) as repo:
            for sha in repo.object_store:
                self.add(repo.object_store[sha])
            for ref in repo.refs.keys(Ref(b"refs/heads/")):
                self.branches[ref.decode()] = repo.refs[Ref(b"refs/heads/" + ref)].decode()
            if branch not in self.branches and Ref(b"HEAD") in repo.refs:
                self.branches[branch] = repo.head().decode()


def _id(sha: str) -> ObjectID:
    return ObjectID(sha.encode())


@dataclass
class OtherRepository:
    """A repository with README, releases and stars; most have no other files."""

    name: str  # OWNER/NAME
    description: str = ""
    stars: int = 0
    archived: bool = False
    default_branch: str = "main"
    readme: bytes | None = None
    readme_path: str = "README.md"
    # [{"tag", "published_at", "name"?, "body"?, "prerelease"?, "draft"?}, …], newest first
    releases: list[dict[str, Any]] = field(default_factory=list)
    renamed_from: list[str] = field(default_factory=list)  # former OWNER/NAME, redirected with 301
    files: Repository | None = None  # only for the repository that is served completely

    @property
    def id(self) -> int:
        """The number in the URLs that GitHub redirects former names to."""
        return zlib.crc32(self.name.casefold().encode())


def of_file(file: Path) -> list[OtherRepository]:
    """Read repositories from JSON, and READMEs from `repositories/OWNER/NAME.md` beside it.

    Releases are given with their age, `days_ago`, so that they are always recent.
    """
    today = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0)
    others = []
    for name, fields in json.loads(file.read_text(encoding="utf-8")).items():
        readme = file.parent / "repositories" / f"{name}.md"
        text = readme.read_bytes() if readme.is_file() else None
        releases = [_dated(release, today) for release in fields.pop("releases", [])]
        others.append(OtherRepository(name=name, readme=text, releases=releases, **fields))
    return others


def _dated(release: dict[str, Any], today: datetime) -> dict[str, Any]:
    """Return the release with its date, in GitHub's format, instead of its age."""
    rest = {name: value for name, value in release.items() if name != "days_ago"}
    published_at = today - timedelta(days=release["days_ago"])
    return rest | {"published_at": f"{published_at:%Y-%m-%dT%H:%M:%SZ}"}
