"""Git's names for things. Pure."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

SHA = r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$"
_SHA = re.compile(SHA)
_Entry = Mapping[str, Any]  # with GitHub's `path`, `mode`, `type` and `sha`
# What stands in JSON for bytes of a name that are no UTF-8: a replacement character, or what Python
# writes for each (PEP 383).
_UNREADABLE = re.compile("[\ufffd\udc80-\udcff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
# In paths that each have a line: parts that are empty or begin with a dot, and what no text keeps.
_WORTH_A_LOOK = ("\n.", "/.", "\n\n", "\n/", "/\n", "//", "\0")


def is_sha(name: object) -> bool:
    """Whether `name` is one that git gives: SHA-1 or SHA-256, in full."""
    return isinstance(name, str) and _SHA.fullmatch(name) is not None


def blob_sha(data: bytes, *, like: str = "") -> str:
    """The name that git gives a file's bytes: SHA-1, or SHA-256 where `like` is such a name."""
    return _name_of(b"blob", data, like)


def is_whole_tree(sha: str, entries: Sequence[_Entry], *, recursive: bool) -> bool:
    """Whether `entries` are all of the tree `sha`, and those of each tree below it.

    A name that is no UTF-8 is not exact in JSON: it cannot be checked and passes.
    """
    if _UNREADABLE.search("\n".join(entry["path"] for entry in entries)):
        return True
    if not recursive:
        return _tree_sha([(entry["path"], entry) for entry in entries], sha) == sha
    children: dict[str, list[tuple[str, _Entry]]] = defaultdict(list)
    trees = {"": sha}
    for entry in entries:
        folder, _, name = entry["path"].rpartition("/")
        children[folder].append((name, entry))
        if entry["type"] == "tree":
            trees[entry["path"]] = entry["sha"]
    return children.keys() <= trees.keys() and all(
        _tree_sha(children[folder], sha) == sha for folder, sha in trees.items()
    )


def _tree_sha(children: list[tuple[str, _Entry]], like: str) -> str:
    # By code points, which are in the order of their bytes; GitHub's answers are sorted already.
    children.sort(key=lambda child: child[0] + "/" if child[1]["type"] == "tree" else child[0])
    lines = [
        f"{entry['mode'].lstrip('0')} {name}\0".encode(errors="surrogatepass")
        + bytes.fromhex(entry["sha"])
        for name, entry in children
    ]
    return _name_of(b"tree", b"".join(lines), like)


def _name_of(kind: bytes, data: bytes, like: str) -> str:
    name = hashlib.sha256() if len(like) == 64 else hashlib.sha1(usedforsecurity=False)
    name.update(b"%s %d\0" % (kind, len(data)))
    name.update(data)
    return name.hexdigest()


def storable_name(path: str) -> str:
    r"""The path as Postgres can keep it: NUL and lone surrogates are written as escapes.

    >>> storable_name("a\0b\ud800")
    'a\\x00b\\ud800'
    """
    return path.encode("utf-8", "backslashreplace").decode().replace("\0", r"\x00")


def are_plain_paths(paths: Iterable[str]) -> bool:
    """Whether all are safe and storable: fast, but False also for harmless ones (".github")."""
    lines = "\n".join(["", *paths, ""])
    return not any(part in lines for part in _WORTH_A_LOOK) and not _SURROGATES.search(lines)


def is_safe_path(path: str) -> bool:
    """Whether git would write the path to a disk. GitHub takes no push with another (git fsck)."""
    return all(
        part not in ("", ".", "..") and part.casefold() != ".git" for part in path.split("/")
    )
