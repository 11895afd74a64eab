"""Follow symbolic links as a file system would, as long as they stay inside the tree. No I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from hub.content.judgement import may_contain_content
from hub.content.rules.files import DirectoryFile

LINK_MODE = "120000"
MAX_LINKS = 300  # of one tree; the others are not followed
MAX_TARGET_SIZE = 4096  # bytes; Linux allows no longer path
_MAX_HOPS = 40  # like Linux
_MAX_PARTS = 500  # of a path and all targets that it leads through; 300 such links take a second
_MAX_FOLLOWED = 1000  # files behind links to folders; each is also judged under its own path
SUBMODULE = "not read: a submodule, whose files are in another repository"
# Why directories of these types are not read.
UNREAD_TYPES = {
    "link": "not read: a symbolic link, and not to a directory beside it",
    "commit": SUBMODULE,
}


@dataclass
class DirectoryFiles:
    """The files of a directory, including those behind links.

    `files`: [path, blob SHA, size]. `links`: path of each link → path of its target, "" if it is
    not followed. `unread`: path → why, for links and submodules that may contain content.
    """

    files: list[list[Any]] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def links_of(entries: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return blob SHA → size of the links to read, of GitHub's tree entries."""
    links = [entry for entry in entries if entry["mode"] == LINK_MODE]
    sizes = {entry["sha"]: entry.get("size", 0) for entry in links[:MAX_LINKS]}
    return {sha: size for sha, size in sizes.items() if 0 < size <= MAX_TARGET_SIZE}


def follow_links(
    entries: Iterable[Mapping[str, Any]], texts: Mapping[str, bytes]
) -> DirectoryFiles:
    """Return the files of a recursive tree. `texts`: blob SHA → target, as `links_of` asks for."""
    found = DirectoryFiles()
    folders, targets = {""}, {}
    for entry in entries:
        path, sha = entry["path"], entry["sha"]
        if entry["type"] == "tree":
            folders.add(path)
        elif entry["type"] == "commit":
            found.unread[path] = SUBMODULE
        elif entry["mode"] == LINK_MODE:
            targets[path] = texts.get(sha, b"").decode(errors="replace").replace("\0", "\ufffd")
        else:
            found.files.append([path, sha, entry.get("size", 0)])
    own = {path: [sha, size] for path, sha, size in found.files}
    for path, target in targets.items():
        real = real_path(path, targets)
        if real in own:
            found.files.append([path, *own[real]])
        elif real in folders:
            # A link to a folder around it adds nothing.
            if not f"{path}/".startswith(f"{real}/".lstrip("/")):
                _add_folder(found, own, path, f"{real}/")
        else:
            real = ""
            if may_contain_content(path) or may_be_folder(path):
                found.unread[path] = _reason(target)
        found.links[path] = real or ""
    return found


def _add_folder(
    found: DirectoryFiles, own: Mapping[str, list[Any]], path: str, folder: str
) -> None:
    room = max(0, _MAX_FOLLOWED - (len(found.files) - len(own)))
    below = islice((name for name in own if name.startswith(folder)), room)
    found.files += [[f"{path}/{name.removeprefix(folder)}", *own[name]] for name in below]


def _reason(target: str) -> str:
    if not target:
        return "not read: a symbolic link whose target the hub did not fetch"
    return f"not read: a symbolic link to {target[:100]}, which is not in the directory"


def may_be_folder(path: str) -> bool:
    """Whether a link of this name may lead to a folder: it has no suffix, or one like `v1.2`."""
    file = DirectoryFile.at(path)
    return not (file.is_document or file.suffix[1:].isalpha())


def follow_top_links(entries: dict[str, list[str]], targets: Mapping[str, str]) -> None:
    """Replace links in the contents path by the directories beside them, or by blobs.

    `entries`: as in `TreeListing`. `targets`: name of each link → its target, "" if unknown.
    """
    for name in targets:
        real = real_path(name, targets) or ""
        kind, sha, *_ = entries.get(real, ["", ""])
        if kind == "tree":
            entries[name] = ["tree", sha, real]
        elif kind or not may_be_folder(name):
            entries[name] = ["blob", entries[name][1]]


def real_path(path: str, links: Mapping[str, str]) -> str | None:
    """Return where a path leads, through `links` (path → target); None if out of the tree.

    >>> real_path("a/b", {"a": "c/../d"})
    'd/b'
    """
    to_do, real, hops, parts = path.split("/")[::-1], list[str](), 0, 0
    while to_do:
        part = to_do.pop()
        parts += 1
        if parts > _MAX_PARTS:
            return None
        if part == "..":
            if not real:
                return None
            real.pop()
        elif part not in ("", "."):
            real.append(part)
            target = links.get("/".join(real))
            if target is not None:
                hops += 1
                if hops > _MAX_HOPS or not target or target.startswith("/"):
                    return None  # a loop, a target that was not read, or an absolute path
                real.pop()
                to_do += target.split("/")[::-1]
    return "/".join(real)
