"""Git object names, compared with those of git itself."""

from typing import Any

import pytest

from hub.demo.fake_github import Repository
from hub.demo.fake_github.answers import tree as github_tree
from hub.github.git_objects import blob_sha, is_whole_tree


def repository() -> Repository:
    """Create names that sort differently as files and folders, and a nested folder."""
    made = Repository()
    for path in ("a/b/c.yaml", "a/b.yaml", "a.yaml", "a-b", "a/ü/x", "z"):
        made.write(path, path.encode())
    return made


def entries(recursive: bool) -> tuple[str, list[dict[str, Any]]]:
    made = repository()
    sha = made.resolve("main")
    assert sha
    return sha, github_tree(made, sha, "", recursive=recursive, limit=100)["tree"]


@pytest.mark.parametrize("recursive", [True, False])
def test_a_complete_tree(recursive: bool) -> None:
    sha, found = entries(recursive)
    assert is_whole_tree(sha, found, recursive=recursive)


@pytest.mark.parametrize("recursive", [True, False])
def test_each_missing_entry_is_detected(recursive: bool) -> None:
    sha, found = entries(recursive)
    for missing in found:
        rest = [entry for entry in found if entry is not missing]
        assert not is_whole_tree(sha, rest, recursive=recursive), missing
    assert not is_whole_tree(sha, [], recursive=recursive)


def test_changed_content_and_extra_entries_are_detected() -> None:
    sha, found = entries(True)
    other = [
        {**entry, "sha": blob_sha(b"other")} if entry is found[0] else entry for entry in found
    ]
    assert not is_whole_tree(sha, other, recursive=True)
    assert not is_whole_tree(sha, [*found, {**found[-1], "path": "q/r"}], recursive=True)


def test_a_name_that_is_no_utf8_cannot_be_checked() -> None:
    sha, found = entries(True)
    assert is_whole_tree(sha, [{**found[0], "path": "caf\ufffd"}], recursive=True)
    assert not is_whole_tree(sha, [{**found[0], "path": "caf\ud800"}], recursive=True)
