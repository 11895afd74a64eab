"""Tests of which pushes affect the contents."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.github.source import Source
from hub.web.webhooks.push import is_of_source, touches

SOURCE = Source("https://api.github.com", "Owner/Name", "main", "contents")
EXAMPLES = json.loads(
    (Path(__file__).parents[2] / "data" / "octokit-webhooks-examples" / "push.json").read_text()
)


def commit(**changed: list[str]) -> dict[str, Any]:
    return {"added": [], "modified": [], "removed": [], **changed}


def push(*commits: Any, **more: Any) -> dict[str, Any]:
    return {
        "ref": "refs/heads/main",
        "repository": {"full_name": "Owner/Name"},
        "created": False,
        "deleted": False,
        "forced": False,
        "commits": list(commits),
        **more,
    }


DOCS = commit(modified=["docs/readme.md"])


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (push(), True),
        (push(repository={"full_name": "oWNER/nAME"}), True),
        (push(repository={"full_name": "Owner/Name2"}), False),
        (push(repository={"full_name": "Other/Name"}), False),
        (push(repository={"name": "Name"}), False),
        (push(repository=None), False),
        (push(ref="refs/heads/other"), False),
        (push(ref="refs/heads/Main"), False),
        (push(ref="refs/heads/feature/main"), False),
        (push(ref="refs/tags/main"), False),
        (push(ref="main"), False),
        (push(ref=["refs/heads/main"]), False),
        ({}, False),
        ([push()], False),
        (None, False),
    ],
)
def test_is_of_source(payload: Any, expected: bool) -> None:
    assert is_of_source(payload, SOURCE) is expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (push(commit(added=["contents/Redis/alert.yaml"])), True),
        (push(commit(modified=["contents/Redis/alert.yaml"])), True),
        (push(commit(removed=["contents/Redis/alert.yaml"])), True),
        (push(DOCS, DOCS, commit(removed=["a", "contents/x"])), True),
        (push(commit(added=["contents"])), True),  # a symlink or submodule that replaces the folder
        (push(DOCS), False),
        (push(DOCS, commit(added=["contents.md", "contents2/x", "docs/contents/x"])), False),
        (push(commit(added=["Contents/Redis"])), False),
        # the commits are inconclusive
        (push(DOCS, created=True), True),
        (push(DOCS, deleted=True), True),
        (push(DOCS, forced=True), True),
        (push(), True),
        (push(commits=None), True),
        (push(commits="none"), True),
        (push(commits={}), True),
        (push(*[DOCS] * 2047), False),
        (push(*[DOCS] * 2048), True),
        (push(DOCS, None), True),
        (push(DOCS, {"added": ["docs/x"], "modified": []}), True),
        (push(commit(added=None)), True),
        (push(commit(added=["docs/x", 7])), True),
        (push(DOCS, commit()), True),
        (push(commit(added=["d/x"] * 1000, removed=["d/y"] * 1999)), False),
        (push(commit(added=["d/x"] * 1000, removed=["d/y"] * 2000)), True),
        (None, True),
    ],
)
def test_touches_the_contents(payload: Any, expected: bool) -> None:
    assert touches(payload, "contents") is expected


@pytest.mark.parametrize("path", ["", "docs", "docs/readme.md"])
def test_touches_another_path(path: str) -> None:
    assert touches(push(DOCS), path)


def test_published_examples() -> None:
    """Some examples push tags; those of the branch are its first push."""
    source = Source("https://api.github.com", "Codertocat/Hello-World", "master", "contents")
    of_branch = [example for example in EXAMPLES if is_of_source(example, source)]
    assert {example["ref"] for example in EXAMPLES} - {"refs/heads/master"}
    assert of_branch == [e for e in EXAMPLES if e["ref"] == "refs/heads/master"]
    assert of_branch
    assert all(touches(example, source.path) for example in of_branch)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=10,
)
nearly_a_commit = st.dictionaries(st.sampled_from(["added", "modified", "removed"]), anything)
nearly_a_push = st.fixed_dictionaries(
    {},
    optional={
        "ref": st.just("refs/heads/main") | anything,
        "repository": st.just({"full_name": "Owner/Name"}) | anything,
        "commits": st.lists(nearly_a_commit | anything, max_size=4) | anything,
        "created": anything,
        "deleted": anything,
        "forced": anything,
    },
)


@given(anything | nearly_a_push, st.sampled_from(["", "contents", "a/b"]))
def test_no_payload_raises(payload: Any, path: str) -> None:
    assert is_of_source(payload, SOURCE) in (True, False)
    assert touches(payload, path) in (True, False)


@given(st.lists(st.text(min_size=1), min_size=1), st.text(min_size=1))
def test_a_matching_path_at_any_position(paths: list[str], name: str) -> None:
    assert touches(push(commit(modified=paths), commit(added=[f"contents/{name}"])), "contents")


@given(st.lists(st.text(min_size=1).map("docs/{}".format), min_size=1))
def test_other_paths_do_not_match(paths: list[str]) -> None:
    assert not touches(push(commit(removed=paths)), "contents")
