"""Git's names for things. Pure."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# What stands in JSON for bytes of a name that are no UTF-8: a replacement character, or what Python
# writes for each (PEP 383).
_UNREADABLE = re.compile("[\ufffd\udc80-\udcff]")


def is_sha(name: object) -> bool:
    """Whether `name` is one that git gives: SHA-1 or SHA-256, in full."""
    return isinstance(name, str) and _SHA.fullmatch(name) is not None


def blob_sha(data: bytes, *, like: str = "") -> str:
    """The name that git gives a file's bytes: SHA-1, or SHA-256 where `like` is such a name."""
    return _name_of(b"blob", data, like)


def is_whole_tree(sha: str, entries: Iterable[Mapping[str, Any]], *, recursive: bool) -> bool:
    """Whether `entries` are all of the tree `sha`, and those of each tree below it.

    An entry has GitHub's `path`, `mode`, `type` and `sha`. What GitHub cannot write in JSON, a
    name that is no UTF-8, cannot be checked and passes.
    """
    children: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    trees = {"": sha}
    for entry in entries:
        folder, _, _ = entry["path"].rpartition("/")
        if _UNREADABLE.search(entry["path"]):
            return True
        children[folder].append(entry)
        if recursive and entry["type"] == "tree":
            trees[entry["path"]] = entry["sha"]
    return children.keys() <= trees.keys() and all(
        _tree_sha(children[folder], sha) == sha for folder, sha in trees.items()
    )


def _tree_sha(entries: Iterable[Mapping[str, Any]], like: str) -> str:
    lines = []
    for entry in entries:
        name = entry["path"].rpartition("/")[2].encode(errors="surrogatepass")
        order = name + b"/" if entry["type"] == "tree" else name
        mode = entry["mode"].lstrip("0").encode()
        lines.append((order, mode + b" " + name + b"\0" + bytes.fromhex(entry["sha"])))
    return _name_of(b"tree", b"".join(line for _, line in sorted(lines)), like)


def _name_of(kind: bytes, data: bytes, like: str) -> str:
    name = hashlib.sha256() if len(like) == 64 else hashlib.sha1(usedforsecurity=False)
    name.update(b"%s %d\0" % (kind, len(data)))
    name.update(data)
    return name.hexdigest()


def storable_name(path: str) -> str:
    r"""The path as Postgres can keep it: JSON may hold NUL and lone surrogates, its text may not.

    They are written as escapes, so that two names that differ stay two.

    >>> storable_name("a\0b\ud800")
    'a\\x00b\\ud800'
    """
    return path.encode("utf-8", "backslashreplace").decode().replace("\0", r"\x00")


def is_safe_path(path: str) -> bool:
    """Whether git would write the path to a disk: GitHub takes no push with another (git fsck,
    hasDot, hasDotdot, hasDotgit, emptyName), so one that names such a thing is an attack.
    """
    return all(
        part not in ("", ".", "..") and part.casefold() != ".git" for part in path.split("/")
    )
