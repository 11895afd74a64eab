"""The check of words finds what it is for."""

import pytest

from tests.checks.words import unused_words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("This is asked of GitHub.", [(1, "asked of")]),
        ("one\ntwo was asked\nof GitHub", [(2, "asked of")]),
        ("# It is kept for\n# ever, and\n# Mended.", [(1, "for ever"), (3, "Mended")]),
        ('"this came " "to nothing"', [(1, "came to")]),
        ("forever, commended, became total, recommended", []),
        ("Hands-on", []),
    ],
)
def test_words_that_the_project_does_not_use(text: str, found: list[tuple[int, str]]) -> None:
    assert list(unused_words(text)) == found
