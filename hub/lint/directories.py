"""Find exporters' directories on disk, and judge each as a lookup judges it on GitHub."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from hub.content.judgement import Judgement, blobs_to_read, judge_files, may_contain_content
from hub.content.refresh.links import (
    LINK_MODE,
    MAX_LINKS,
    UNREAD_TYPES,
    follow_links,
    follow_top_links,
    links_of,
)
from hub.content.rules.judge import judge
from hub.content.rules.parsing import MAX_FILE_SIZE
from hub.content.rules.report import About, FileReport, Finding, Level
from hub.github.git_objects import blob_sha, is_safe_path, storable_name

# `type` and `mode` of GitHub's tree entries.
_GIT_TYPES = {
    "tree": {"type": "tree", "mode": "040000"},
    "commit": {"type": "commit", "mode": "160000"},
    "link": {"type": "blob", "mode": LINK_MODE},
    "blob": {"type": "blob", "mode": "100644"},
}


@dataclass(frozen=True)
class JudgedDirectory:
    """An exporter's directory: its path as on the command line, and the hub's judgement."""

    path: Path
    files: int
    judgement: Judgement

    @property
    def name(self) -> str:
        """The name of the directory in the hub."""
        path = self.path.resolve() if self.path.name in ("", "..") else self.path
        return storable_name(path.name)


def directories_at(path: Path, contents_path: str) -> dict[Path, str]:
    """Return the exporters' directories at `path`, with the reason if one is not read.

    They are the directories in `contents_path` if `path` contains it, and those in `path` if it
    ends with `contents_path`. Otherwise `path` is one directory. Raises `OSError`.
    """
    contents_path = contents_path.strip("/")
    contents = path / contents_path
    if not contents.is_dir():
        parts = Path(contents_path).parts
        if path.resolve().parts[-len(parts) :] != parts:
            return {path: ""}
        contents = path
    with os.scandir(contents) as children:
        entries = {
            child.name: [_type_of(child), child.name]
            for child in children
            if is_safe_path(child.name)
        }
    links = sorted((name for name, (kind, _) in entries.items() if kind == "link"), key=os.fsencode)
    targets = {name: str((contents / name).readlink()) for name in links[:MAX_LINKS]}
    follow_top_links(entries, dict.fromkeys(links, "") | targets)
    return {
        contents / name: UNREAD_TYPES.get(kind, "")
        for name, (kind, *_) in sorted(entries.items(), key=lambda entry: entry[0].casefold())
        if kind not in ("blob", "")
    }


def _type_of(entry: os.DirEntry[str]) -> str:
    """Return what git would store: tree, commit (a submodule), link, blob; "" for nothing."""
    if entry.is_symlink():
        return "link"
    if not entry.is_dir():
        return "blob" if entry.is_file() else ""
    # `Path.exists` raises an exception for a folder without rights.
    return "commit" if os.path.exists(f"{entry.path}/.git") else "tree"  # noqa: PTH110


def judge_on_disk(directory: Path, unread: str = "") -> JudgedDirectory:
    """Judge a directory with the functions that a lookup calls. Never raises `OSError`.

    `unread`: why the directory is not read. What cannot be read is an error.
    """
    if unread:
        return JudgedDirectory(directory, 0, judge_files([], {}, {".": unread}))
    on_disk = _FilesOnDisk(directory)
    reports: dict[str, FileReport] = {}
    for sha in blobs_to_read(on_disk.files):
        if sha and (data := on_disk.read(on_disk.path_of[sha])) is not None:
            reports[sha] = judge(data)
    judgement = judge_files(on_disk.files, reports, on_disk.unread)
    findings = [
        *judgement.findings,
        *(
            Finding(Level.ERROR, About.FILE, 1, f"cannot be read: {reason}", path)
            for path, reason in on_disk.unreadable.items()
        ),
    ]
    findings.sort(key=lambda finding: (finding.path, finding.line, finding.level))
    judgement = replace(judgement, findings=tuple(findings))
    return JudgedDirectory(directory, len(on_disk.files), judgement)


class _FilesOnDisk:
    """The files of a folder and those behind links: `files` and `unread` as in a `ContentTree`.

    A file that is too large or unreadable has no SHA ("").
    """

    def __init__(self, folder: Path) -> None:
        self.path_of: dict[str, str] = {}  # blob SHA → path on disk
        self.unreadable: dict[str, str] = {}  # path → reason
        self._folder = folder
        entries = sorted(self._entries(), key=lambda entry: os.fsencode(entry["path"]))
        targets = {sha: self.read(self.path_of[sha]) or b"" for sha in links_of(entries) if sha}
        found = follow_links(entries, targets)
        self.files = [(path, sha, size) for path, sha, size in found.files]
        without = [path for path, sha, size in self.files if not sha and 0 < size <= MAX_FILE_SIZE]
        self.unread = found.unread | {
            path: "" for path in [*without, *self.unreadable] if may_contain_content(path)
        }

    def read(self, path: str) -> bytes | None:
        """Return the bytes that git stores for a file or a link, or None if it is unreadable."""
        whole = self._folder / path
        try:
            if whole.is_symlink():
                return os.fsencode(whole.readlink())
            with whole.open("rb") as file:
                return file.read(MAX_FILE_SIZE)  # it may have grown
        except OSError as error:
            self._add_unreadable(path, error)
            return None

    def _entries(self) -> Iterator[dict[str, Any]]:
        """Yield the entries of the folder's recursive tree, in the form of GitHub's API."""
        folders = set[PurePosixPath]()
        for path, kind, size in self._walk():
            sha = ""
            if kind != "commit" and size <= MAX_FILE_SIZE and (data := self.read(path)) is not None:
                sha = blob_sha(data)
                self.path_of[sha] = path
            name = storable_name(path)
            folders.update(PurePosixPath(name).parents)
            yield {"path": name, "sha": sha, "size": size, **_GIT_TYPES[kind]}
        for folder in folders - {PurePosixPath()}:
            yield {"path": str(folder), "sha": "", **_GIT_TYPES["tree"]}

    def _walk(self) -> Iterator[tuple[str, str, int]]:
        """Yield path, type and size of each file, link and submodule that git would add."""
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(self._folder / folder) as children:
                    for child in children:
                        path = f"{folder}/{child.name}" if folder else child.name
                        kind = _type_of(child)
                        if kind == "tree" and is_safe_path(child.name):
                            waiting.append(path)
                        elif is_safe_path(child.name) and kind:
                            yield path, kind, child.stat(follow_symlinks=False).st_size
            except OSError as error:
                self._add_unreadable(folder or ".", error)

    def _add_unreadable(self, path: str, error: OSError) -> None:
        self.unreadable[storable_name(path)] = error.strerror or str(error)
