"""Tests of following symbolic links inside a directory."""

from typing import Any

import pytest

from hub.content.refresh.links import (
    MAX_LINKS,
    MAX_TARGET_SIZE,
    DirectoryFiles,
    follow_links,
    links_of,
    may_be_folder,
    real_path,
)

# path → the text of a file, or of a link after an arrow; None for a folder, () for a submodule
Tree = dict[str, str | tuple[()] | None]


def followed(tree: Tree) -> DirectoryFiles:
    """Follow the links of a tree whose files have their text as SHA."""
    entries: list[dict[str, Any]] = []
    for path, text in tree.items():
        entry = {"path": path, "mode": "100644", "type": "blob", "sha": text, "size": 1}
        if text is None:
            entry |= {"mode": "040000", "type": "tree"}
        elif text == ():
            entry |= {"mode": "160000", "type": "commit"}
        elif str(text).startswith("→"):
            entry |= {"mode": "120000", "size": len(str(text)) - 1}
        entries.append(entry)
    return follow_links(entries, {sha: sha[1:].encode() for sha in links_of(entries)})


V1: Tree = {"v1.2": None, "v1.2/a.yaml": "A", "v1.2/b": None, "v1.2/b/c.yaml": "C"}


@pytest.mark.parametrize(
    ("links", "files"),
    [
        ({"x.yaml": "→v1.2/a.yaml"}, {"x.yaml": "A"}),
        ({"x.yaml": "→./v1.2/b/../a.yaml"}, {"x.yaml": "A"}),
        ({"latest": "→v1.2"}, {"latest/a.yaml": "A", "latest/b/c.yaml": "C"}),
        ({"latest": "→v1.2/"}, {"latest/a.yaml": "A", "latest/b/c.yaml": "C"}),
        ({"v1.2/x.yaml": "→a.yaml"}, {"v1.2/x.yaml": "A"}),
        ({"v1.2/b/x.yaml": "→../a.yaml"}, {"v1.2/b/x.yaml": "A"}),
        ({"x.yaml": "→y.yaml", "y.yaml": "→v1.2/a.yaml"}, {"x.yaml": "A", "y.yaml": "A"}),
        (
            {"latest": "→v1.2", "x.yaml": "→latest/b/c.yaml"},
            {"latest/a.yaml": "A", "latest/b/c.yaml": "C", "x.yaml": "C"},
        ),
        ({"v1.2/self": "→."}, {}),
        ({"v1.2/b/up": "→../.."}, {}),
        ({"here": "→."}, {}),
    ],
)
def test_a_link_inside_the_directory_is_followed(links: Tree, files: dict[str, str]) -> None:
    found = followed({**V1, **links})
    own = {"v1.2/a.yaml": "A", "v1.2/b/c.yaml": "C"}
    assert {path: sha for path, sha, _ in found.files} == own | files
    assert (found.links.keys(), found.unread) == (links.keys(), {})


@pytest.mark.parametrize(
    "links",
    [
        {"x.yaml": "→../Other/a.yaml"},
        {"x.yaml": "→../../elsewhere/a.yaml"},
        {"x.yaml": "→/etc/passwd"},
        {"x.yaml": "→missing.yaml"},
        {"x.yaml": "→v1.2/a.yaml/b"},
        {"x.yaml": "→x.yaml"},
        {"x.yaml": "→y.yaml", "y.yaml": "→x.yaml"},
        {"x.yaml": "→lib/a.yaml", "lib": ()},
        {"chart": "→../../charts/x"},
        {"v2.0": "→../v2.0"},
        {"x.yaml": "→" + "../" * 2000},
    ],
)
def test_another_link_or_a_submodule_may_contain_content(links: Tree) -> None:
    found = followed({**V1, **links})
    assert [path for path, _, _ in found.files] == ["v1.2/a.yaml", "v1.2/b/c.yaml"]
    assert found.unread.keys() == links.keys()
    assert all(reason.startswith("not read: a s") for reason in found.unread.values())


@pytest.mark.parametrize("name", ["README.md", "LICENSE", "logo.png", ".gitignore", "NOTES.txt"])
def test_a_link_to_documentation_hides_nothing(name: str) -> None:
    assert followed({name: "→../x"}).unread == {}


def test_links_to_a_large_folder_are_followed_up_to_a_limit() -> None:
    tree: Tree = {"a": None} | {f"a/{n}.yaml": "A" for n in range(1000)}
    tree |= {f"l{n}": "→a" for n in range(1000)}
    found = followed(tree)
    assert (len(found.files), len(found.links)) == (2000, 1000)
    assert found.unread == {}, "the folder's own files are judged"


def test_only_short_targets_of_a_limited_number_of_links_are_fetched() -> None:
    link = {"mode": "120000", "type": "blob"}
    entries = [link | {"path": f"l{n}", "sha": str(n), "size": 9} for n in range(MAX_LINKS + 5)]
    assert len(links_of(entries)) == MAX_LINKS
    assert links_of([entries[0] | {"size": MAX_TARGET_SIZE + 1}]) == {}
    assert follow_links(entries[:1], {}).unread == {
        "l0": "not read: a symbolic link whose target the hub did not fetch"
    }


def test_a_path_is_resolved_as_in_a_file_system() -> None:
    links = {"a": "b/c", "b/c/up": "..", "loop": "loop"}
    assert real_path("a/up/x", links) == "b/x"
    assert real_path("a/../x", links) == "b/x"
    assert real_path("loop/x", links) is None
    assert real_path("../x", links) is None
    long = {"long": "x/" * 300 + "../" * 300 + "b", "chain": "x/../" * 100 + "long"}
    assert (real_path("long", long), real_path("chain", long)) == (None, None)


@pytest.mark.parametrize(
    ("name", "may"), [("v1.2", True), ("chart", True), ("a.yaml", False), ("LICENSE", False)]
)
def test_which_links_may_lead_to_a_folder(name: str, may: bool) -> None:
    assert may_be_folder(name) is may
