"""Tests of syntax highlighting and of listings with line anchors."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.content.rules.report import About, Finding, Level
from hub.rendering.highlight import LONGEST, highlight, language_of
from hub.web.pages.listing import listing

ODD = st.text(
    alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\r"), max_size=80
)


def text_of(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


def test_promql_and_yaml_are_highlighted() -> None:
    assert '<span class="k-k">sum</span>' in highlight("sum(up) by (job)", "promql")
    assert '<span class="k-nt">alert</span>' in highlight("alert: Down", "yaml")
    assert highlight("a < b", "none such") == "a &lt; b"
    assert highlight("1" * 2_000, "yaml") == "1" * 2_000
    assert "<" not in highlight("a: 1\n" * LONGEST, "yaml")


def test_language_of_a_file_name() -> None:
    assert [language_of(name) for name in ("a.yaml", "b/c.YML", "d.json", "e", "f.md")] == [
        *("yaml", "yaml", "json", "", "")
    ]


def test_lines_have_anchors_and_findings() -> None:
    finding = Finding(Level.ERROR, About.ALERTS, 2, 'no "duration" <here>')
    html = listing("a: 1\nb: 2\n", "yaml", [finding], "2.")
    assert 'class="line" id="2.L1"' in html
    assert 'class="line line--error" id="2.L2"' in html
    assert 'href="#2.L2"' in html
    assert 'data-says="error: no &quot;duration&quot; &lt;here&gt;"' in html
    assert html.count('class="line') - html.count('class="line__number') == 2


@pytest.mark.parametrize("language", ["yaml", "json", "promql", "", "bash"])
@given(ODD)
def test_the_text_of_the_html_is_the_code(language: str, code: str) -> None:
    shown = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", "\ufffd", code).removesuffix("\n")
    assert text_of(listing(code, language)) == shown
    assert text_of(highlight(code, language)) == shown


def test_direction_characters_are_shown_and_isolated() -> None:
    html = highlight("a \u202e b", "yaml")
    assert '<bdi class="hidden" data-char="U+202E">\u202e</bdi>' in html
