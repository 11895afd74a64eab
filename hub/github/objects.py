"""Git's names for things. Pure."""

import hashlib
import re
from typing import Any

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)


def blob_sha(data: bytes, *, like: str = "") -> str:
    """The name that git gives a file's bytes: SHA-1, or SHA-256 where `like` is such a name."""
    name = hashlib.sha256() if len(like) == 64 else hashlib.sha1(usedforsecurity=False)
    name.update(b"blob %d\0" % len(data))
    name.update(data)
    return name.hexdigest()


def is_sha(name: Any) -> bool:
    """Whether `name` is a full name of an object, in SHA-1 or SHA-256."""
    return isinstance(name, str) and _SHA.fullmatch(name) is not None


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
