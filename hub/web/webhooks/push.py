"""Decide which pushes affect the contents (GitHub Docs, "Webhook events and payloads").

When the payload is inconclusive, the push counts: an unnecessary run costs one request.
"""

from collections.abc import Iterator
from typing import Any

from hub.github.source import Source

# GitHub truncates longer lists.
_MAX_COMMITS = 2048
_MAX_FILES = 3000  # of a commit


def is_of_source(payload: object, source: Source) -> bool:
    """Return whether the push is to the repository and the branch that the hub reads."""
    repository = _get(payload, "repository")
    name = _get(repository, "full_name")
    return (
        isinstance(name, str)
        and name.casefold() in map(str.casefold, (source.repository, source.current_repository))
        and _get(payload, "ref") == f"refs/heads/{source.branch}"
    )


def touches(payload: object, path: str) -> bool:
    """Return whether the push may have changed a file at or below `path` ("": the root)."""
    if any(_get(payload, flag) for flag in ("created", "deleted", "forced")):
        return True  # the commits are not the difference between the old and the new contents
    commits = _get(payload, "commits")
    if not isinstance(commits, list) or not 0 < len(commits) < _MAX_COMMITS:
        return True
    return any(
        changed is None or not path or changed == path or changed.startswith(f"{path}/")
        for commit in commits
        for changed in _changed(commit)
    )


def _changed(commit: object) -> Iterator[str | None]:
    """Yield the paths that a commit changed, and None if some may be missing from the payload."""
    files = 0
    for kind in ("added", "modified", "removed"):
        paths = _get(commit, kind)
        if not isinstance(paths, list):
            yield None
            continue
        files += len(paths)
        yield from (path if isinstance(path, str) else None for path in paths)
    # GitHub does not list all files that a merge changes.
    if files == 0 or files >= _MAX_FILES:
        yield None


def _get(value: object, name: str) -> Any:
    """Return the member of a JSON object; None if it or the object does not exist."""
    return value.get(name) if isinstance(value, dict) else None
