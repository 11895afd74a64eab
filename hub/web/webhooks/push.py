"""Which pushes concern the hub (GitHub Docs, "Webhook events and payloads").

In doubt a push counts: an unnecessary run costs one request.
"""

from collections.abc import Iterator
from typing import Any

from hub.github.source import Source

# GitHub truncates longer lists.
_COMMITS = 2048
_FILES_OF_A_COMMIT = 3000


def is_of_source(payload: object, source: Source) -> bool:
    """Whether the push went to the branch of the repository that the hub reads."""
    repository = _get(payload, "repository")
    name = _get(repository, "full_name")
    return (
        isinstance(name, str)
        and name.casefold() == source.repository.casefold()
        and _get(payload, "ref") == f"refs/heads/{source.branch}"
    )


def touches(payload: object, path: str) -> bool:
    """Whether the push changed anything at or below `path` ("": anywhere), or does not tell."""
    if any(_get(payload, flag) for flag in ("created", "deleted", "forced")):
        return True  # the commits do not lead from the branch's former contents to its new ones
    commits = _get(payload, "commits")
    if not isinstance(commits, list) or not 0 < len(commits) < _COMMITS:
        return True
    return any(
        changed is None or not path or changed == path or changed.startswith(f"{path}/")
        for commit in commits
        for changed in _changed(commit)
    )


def _changed(commit: object) -> Iterator[str | None]:
    """The paths that a commit changed; None for those that are not listed."""
    files = 0
    for kind in ("added", "modified", "removed"):
        paths = _get(commit, kind)
        if not isinstance(paths, list):
            yield None
            continue
        files += len(paths)
        yield from (path if isinstance(path, str) else None for path in paths)
    # A merge may change files that GitHub does not list.
    if files == 0 or files >= _FILES_OF_A_COMMIT:
        yield None


def _get(thing: object, name: str) -> Any:
    """The member of a JSON object; None for anything else."""
    return thing.get(name) if isinstance(thing, dict) else None
