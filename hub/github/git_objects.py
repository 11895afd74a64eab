"""Git object names: blob and tree SHAs, and paths that are safe to store. No I/O."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

SHA = r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$"
_Entry = Mapping[str, Any]  # with GitHub's `path`, `mode`, `type` and `sha`
# How JSON represents bytes that are not UTF-8: as a replacement character or, decoded by Python, as
# a surrogate for each byte (PEP 383).
_NOT_UTF8 = re.compile("[\ufffd\udc80-\udcff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
# In a text with a path on each line: parts that are empty or begin with a dot, and NUL.
_SUSPICIOUS = ("\n.", "/.", "\n\n", "\n/", "/\n", "//", "\0")


def blob_sha(data: bytes, *, like: str = "") -> str:
    """Return the SHA of a file's contents: SHA-1, or SHA-256 if `like` is a SHA-256."""
    return _object_sha(b"blob", data, like)


def is_whole_tree(sha: str, entries: Sequence[_Entry], *, recursive: bool) -> bool:
    """Return whether `entries` hash to the tree `sha`; with `recursive`, also each subtree."""
    if not _are_exact(entries):
        return True  # cannot be checked: JSON does not preserve a name that is not UTF-8
    if not recursive:
        return tree_sha(entries, like=sha) == sha
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


def tree_sha(entries: Sequence[_Entry], *, like: str) -> str:
    """Return the SHA of a tree with these children; `like` if JSON has not preserved a name."""
    if not _are_exact(entries):
        return like
    return _tree_sha([(entry["path"], entry) for entry in entries], like)


def _are_exact(entries: Sequence[_Entry]) -> bool:
    return not _NOT_UTF8.search("\n".join(entry["path"] for entry in entries))


def _tree_sha(children: list[tuple[str, _Entry]], like: str) -> str:
    # Code points sort like their UTF-8 bytes; GitHub's responses are already sorted.
    children.sort(key=lambda child: child[0] + "/" if child[1]["type"] == "tree" else child[0])
    lines = [
        f"{entry['mode'].lstrip('0')} {name}\0".encode(errors="surrogatepass")
        + bytes.fromhex(entry["sha"])
        for name, entry in children
    ]
    return _object_sha(b"tree", b"".join(lines), like)


def _object_sha(kind: bytes, data: bytes, like: str) -> str:
    digest = hashlib.sha256() if len(like) == 64 else hashlib.sha1(usedforsecurity=False)
    digest.update(b"%s %d\0" % (kind, len(data)))
    digest.update(data)
    return digest.hexdigest()


def storable_name(path: str) -> str:
    r"""Return the path with NUL and lone surrogates escaped, so that Postgres can store it.

    >>> storable_name("a\0b\ud800")
    'a\\x00b\\ud800'
    """
    return path.encode("utf-8", "backslashreplace").decode().replace("\0", r"\x00")


def are_plain_paths(paths: Iterable[str]) -> bool:
    """Quick check that all paths are safe and storable. May reject a safe path (".github")."""
    lines = "\n".join(["", *paths, ""])
    return not any(part in lines for part in _SUSPICIOUS) and not _SURROGATES.search(lines)


def is_safe_path(path: str) -> bool:
    """Return whether git would check out the path. GitHub rejects others on push (git fsck)."""
    return {"", ".", "..", ".git"}.isdisjoint(path.casefold().split("/"))
