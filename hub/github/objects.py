"""Git's names for things. Pure."""

import hashlib


def blob_sha(data: bytes, *, like: str = "") -> str:
    """The name that git gives a file's bytes: SHA-1, or SHA-256 where `like` is such a name."""
    name = hashlib.sha256() if len(like) == 64 else hashlib.sha1(usedforsecurity=False)
    name.update(b"blob %d\0" % len(data))
    name.update(data)
    return name.hexdigest()
