"""The check of links finds what it is for."""

from pathlib import Path

import pytest

from tests.checks.links import anchors, broken_links


@pytest.mark.parametrize(
    ("link", "is_broken"),
    [
        ("[a](docs/other.md)", False),
        ("[a](docs/other.md#a-heading-with-code)", False),
        ("[a](#here)", False),
        ("![a](docs/other.md)", False),
        ("[a](https://github.com/)", False),
        ("[a][b]\n\n[b]: docs", False),
        ("`[a](nowhere.md)`", False),
        ("[a](nowhere.md)", True),
        ("[a](docs/other.md#no-such-heading)", True),
        ("[a](#no-such-heading)", True),
        ("![a](nowhere.png)", True),
        ("[a](../../outside.md)", True),
        ("[a](/absolute.md)", True),
    ],
)
def test_links_that_lead_nowhere(tmp_path: Path, link: str, is_broken: bool) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text("# A heading, with `code`\n")
    document = tmp_path / "README.md"
    document.write_text(f"# Here\n\n{link}\n")
    assert bool(list(broken_links(document, tmp_path))) is is_broken


def test_anchors_as_github_makes_them() -> None:
    text = "# What's new?\n## The *run* life_cycle\n## Same\n## Same\n"
    assert anchors(text) == {"whats-new", "the-run-life_cycle", "same", "same-1"}
