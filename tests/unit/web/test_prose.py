"""Anchors of names in texts, and the kinds that texts are about."""

import pytest
from django.utils.safestring import SafeString

from hub.content.content_files import text_kind
from hub.web.pages.prose import Prose, with_anchors


def anchored(html: str, *names: str) -> tuple[str, set[str]]:
    text, found = with_anchors(Prose(SafeString(html), False), names)
    return text.html, found


def test_the_first_place_of_each_name_gets_an_anchor() -> None:
    html, found = anchored("<td>RedisDown</td><td>RedisDown, Other</td>", "RedisDown", "Missing")
    assert html == '<td><span id="runbook.RedisDown">RedisDown</span></td><td>RedisDown, Other</td>'
    assert found == {"RedisDown"}


@pytest.mark.parametrize(
    "html",
    ['<a href="Down">up</a>', "a&amp;b", "RedisDown", "Über", "&#100;", "<p class=Down>"],
)
def test_tags_entities_and_longer_words_are_left_alone(html: str) -> None:
    assert anchored(html, "Down", "amp", "Redis", "ber", "100", "a href", "<p>") == (html, set())


def test_a_name_inside_of_another_anchor_is_left_alone() -> None:
    html, found = anchored("<p>span id</p>", "span", "id", "runbook")
    assert html == '<p><span id="runbook.span">span</span> <span id="runbook.id">id</span></p>'
    assert found == {"span", "id"}


@pytest.mark.parametrize(
    ("path", "letter"),
    [
        ("Redis_alert.md", "A"),
        ("nc/v1.0/Redis_dashboard.md", "G"),
        ("Redis-helm.MD", "I"),
        ("README.md", ""),
        ("Redis_readme.md", ""),
        ("Redis_alert.yaml", ""),
        ("notes.md", ""),
        ("v1/Redis_dashboard.CSV", "G"),
        ("Redis_alert.csv", "A"),
        ("list.csv", ""),
    ],
)
def test_the_kind_of_a_text_is_in_its_name(path: str, letter: str) -> None:
    assert text_kind(path) == letter
