"""Tests of rendering untrusted Markdown: its layout, and that it has no active content."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlsplit

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.content.content_files import ContentFile
from hub.models import Readme
from hub.rendering import markdown
from hub.rendering.highlight import CLASSES
from hub.rendering.markdown import VERSION, render
from hub.rendering.process import Renderer
from hub.web.pages.prose import Place, prose
from hub.web.pictures import ShownPicture
from tests.common.hostile import payloads

PLACE = Place("https://github.com/tests/exporter", "main", "docs")
NAMESPACE = "{http://www.w3.org/1999/xhtml}"
# The allowed elements, independent of those in the code.
TAGS = {
    "a",
    "abbr",
    "b",
    "bdi",
    "blockquote",
    "br",
    "code",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "ins",
    "kbd",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
}
ATTRIBUTES = {
    "a": {"href", "rel"},
    "bdi": {"data-char"},
    "details": {"open"},
    "div": {"tabindex", "role", "aria-label"},
    "ol": {"start"},
    "pre": {"tabindex"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
OURS = CLASSES | {"hidden", "readme__badge", "readme__image", "readme__table"}


def html_of(text: str, place: Place = PLACE, top: int = 3) -> str:
    """Return the HTML on a page after the text was rendered."""
    return on_a_page(text, render(text, top), place)


def on_a_page(text: str, parts: list[str] | None, place: Place = PLACE) -> str:
    return str(prose(text, Readme(html_parts=parts, renderer=VERSION), place).html)


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with closing(Renderer()) as shared:
        yield shared


def active_content(html: str) -> list[str]:
    """Return everything but text, structure and harmless links, as a browser would parse it."""
    found = []
    ids = set()
    for element in html5lib.parseFragment(html, container="div").iter():
        if element.tag == "DOCUMENT_FRAGMENT":
            continue
        name = str(element.tag).removeprefix(NAMESPACE)
        if name not in TAGS:
            found.append(f"<{name}>")
        for key, value in element.attrib.items():
            if key == "class":
                found += [f"class {word}" for word in value.split() if word not in OURS]
            elif key == "id":
                if not value.startswith("readme-") or value in ids or re.search(r"\s", value):
                    found.append(f"id {value}")
                ids.add(value)
            elif key not in ATTRIBUTES.get(name, set()) | {"title"}:
                found.append(f"{name} {key}")
        href = element.attrib.get("href")
        if href is None:
            continue
        harmless = urlsplit(href).scheme in ("http", "https", "mailto")
        if re.search(r"[\x00-\x20]", href) or not (harmless or href.startswith("#readme-")):
            found.append(f"href {href!r}")
        if element.attrib.get("rel") != "nofollow noopener noreferrer":
            found.append(f"rel of {href!r}")
    return found


@pytest.mark.parametrize("payload", payloads().values(), ids=payloads().keys())
def test_hostile_text_has_no_active_content(payload: str, renderer: Renderer) -> None:
    parts = renderer.render(payload, 3, "readme-")
    assert active_content(on_a_page(payload, parts)) == []
    assert active_content(on_a_page(payload, parts, Place())) == []


def test_number_of_payloads() -> None:
    assert len(payloads()) >= 60


def test_the_checker_finds_active_content() -> None:
    for html in (
        "<img src=x>",
        "<p onclick=x>",
        "<a href=javascript:1 rel='nofollow noopener noreferrer'>x</a>",
        "<b class=skip>",
        "<b id=x>",
        "<svg></svg>",
    ):
        assert active_content(html)


@given(st.text(alphabet="<>/\"'=[](){}`*_~|-#&;:!\\ \n\tabimgscript\0\u202e", max_size=200))
def test_any_text_is_rendered_without_active_content(text: str) -> None:
    assert active_content(html_of(text)) == []


def test_relative_links_become_absolute() -> None:
    def href(url: str) -> str:
        found = re.search(r'href="([^"]*)"', html_of(f"[x]({url})"))
        return found[1] if found else ""

    blob = "https://github.com/tests/exporter/blob/main"
    assert href("a/b.md") == f"{blob}/docs/a/b.md"
    assert href("../LICENSE") == f"{blob}/LICENSE"
    assert href("/LICENSE") == f"{blob}/LICENSE"
    assert href("../../../issues") == "https://github.com/tests/exporter/issues"
    assert href("a.md#usage") == f"{blob}/docs/a.md#usage"
    assert href("#usage") == "#readme-usage"
    assert href("https://example.org/x?y=1") == "https://example.org/x?y=1"
    assert href("mailto:a@example.org") == "mailto:a@example.org"
    assert href("//example.org/x") == "https://example.org/x"
    assert 'href="' not in html_of("[x](a.md)", Place())


def test_an_image_becomes_a_link_and_a_badge_becomes_text() -> None:
    html = html_of("![A graph](img/a.png)")
    page = "https://github.com/tests/exporter/blob/main/docs/img/a.png"
    assert f'href="{page}"' in html
    assert "image: A graph" in html
    assert "image: a.png" in html_of("![](img/a.png)")
    assert "<img" not in html
    badge = html_of("[![Build](https://img.shields.io/x.svg)](https://ci.example.org)")
    assert "shields" not in badge
    assert ">Build</span></a>" in badge
    assert "image: x" in html_of('<img alt="x" src="data:image/png;base64,AA==">')


def test_a_task_list_has_check_boxes() -> None:
    html = html_of("- [x] a *done* task\n- [ ] an open one\n- [y] no task\n\n1. [X] numbered")
    assert "☑ a <em>done</em> task" in html
    assert "☐ an open one" in html
    assert "[y] no task" in html
    assert "☑ numbered" in html
    assert html_of("<input type=checkbox checked onclick=x>a<input name=b>") == "<p>☑a</p>\n"


A_PICTURE = ShownPicture(
    ContentFile("Redis", "img/a b.png", "0" * 40, 9, {}, ()), "/p/0", "image/png", 40, 20
)
HERE = Place("https://github.com/tests/hub", "main", "contents/Redis")


@pytest.mark.parametrize(
    "source",
    [
        "![A graph](img/a%20b.png)",
        "![A graph](<img/a b.png>)",
        "![A graph](./img/../img/a%20b.png?raw=true)",
        "![A graph](/contents/Redis/img/a%20b.png)",
        "[![A graph](img/a%20b.png)](https://example.org)",
        '<img src="img/a b.png" alt="A graph" width="99999" onerror="alert(1)">',
    ],
)
def test_a_relative_image_is_shown_if_the_hub_has_the_picture(source: str) -> None:
    place = replace(HERE, pictures={"contents/Redis/img/a b.png": A_PICTURE})
    html = html_of(source, place)
    assert html.count("<img") == 1
    assert A_PICTURE.img("A graph") in html
    assert "onerror" not in html
    assert "<img" not in html_of(source, HERE)


def test_the_text_of_a_picture_cannot_leave_its_attribute() -> None:
    place = replace(HERE, pictures={"contents/Redis/img/a b.png": A_PICTURE})
    source = '![a" onload="alert(1)<b>&lt;](img/a%20b.png) ![](img/a%20b.png)'
    html = html_of(source, place)
    images = list(html5lib.parseFragment(html, container="div").iter(f"{NAMESPACE}img"))
    assert [image.attrib["alt"] for image in images] == ['a" onload="alert(1)<b><', "a%20b.png"]
    assert {name for image in images for name in image.attrib} == {
        *("class", "src", "alt", "width", "height", "loading", "decoding")
    }


@pytest.mark.parametrize(
    "url", ["//evil/contents/Redis/img/a b.png", "../img/a b.png", "https://e/a.png", "http://[x/a"]
)
def test_other_images_are_not_shown(url: str) -> None:
    place = replace(HERE, pictures={"contents/Redis/img/a b.png": A_PICTURE})
    assert "<img" not in html_of(f"![x](<{url}>)", place)


def test_heading_levels() -> None:
    html = html_of("## A\n\n##### B\n\n# C\n\n## D\n")
    assert re.findall(r"<(h\d)[^>]*>(\w)", html) == [
        ("h3", "A"),
        ("h4", "B"),
        ("h3", "C"),
        ("h4", "D"),
    ]
    assert "<h5" in html_of("# A", top=5)


def test_links_to_anchors() -> None:
    html = html_of("# How to run\n\n[x](#how-to-run) <a name=old></a> [y](#old)\n\n# How to run\n")
    ids = re.findall(r' id="([^"]+)"', html)
    assert ids == ["readme-how-to-run", "readme-old", "readme-how-to-run-1"]
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)


def test_empty_elements_are_removed() -> None:
    html = html_of('<a href="https://example.org"></a>\n\n#\n\n|a||\n|-|-|\n|1|2|\n')
    assert "<a" not in html
    assert "<h3" not in html
    assert html.count("<th>") == 1


def test_tables_and_code_are_scrollable_with_the_keyboard() -> None:
    html = html_of("|a|\n|-|\n|b|\n\n```yaml\nkey: 1\n```\n")
    assert '<div class="readme__table" tabindex="0" role="group"' in html
    assert '<pre tabindex="0">' in html
    assert '<span class="k-nt">key</span>' in html


def test_direction_characters_are_shown_in_code() -> None:
    assert 'data-char="U+202E"' in html_of("```sh\nrm \u202e x\n```")


def test_long_text_is_truncated_at_a_line() -> None:
    text = "word word\n\n" * markdown.LONGEST
    assert prose(text, Readme(), PLACE).truncated
    assert not prose("short", Readme(), PLACE).truncated
    assert html_of(text).rstrip().endswith("word word</p>")


def test_text_is_shown_as_it_is_until_the_current_version_has_rendered_it() -> None:
    parts = render("# [x](y)")
    for stored in (
        Readme(html_parts=None, renderer=0),
        Readme(html_parts=parts, renderer=VERSION - 1),
        Readme(html_parts=parts, renderer=VERSION + 1),
        Readme(html_parts=None, renderer=VERSION),  # it exceeded the limits
    ):
        assert prose("# [x](y)", stored, PLACE).html == '<pre tabindex="0"># [x](y)</pre>'
    assert prose("\0<b>", Readme(), PLACE).html == '<pre tabindex="0">\ufffd&lt;b&gt;</pre>'


def test_relative_urls_are_harmless_wherever_they_are_resolved() -> None:
    for url in ("javascript:alert(1)", "data:text/html,x", "//evil.example", '"><script>', "[", ""):
        stored = Readme(html_parts=["<a", url, ">x</a>"], renderer=VERSION)
        html = str(prose("", stored, PLACE).html)
        assert re.fullmatch(r'<a( href="https://[^"<>]*")?>x</a>', html), html


def test_a_text_cannot_contain_the_place_of_a_relative_url() -> None:
    text = 'href="https://0.invalid/javascript:alert(1)" [x](a.md) `href="https://0.invalid/x"`'
    assert render(text)[1::2] == ["a.md"]  # type: ignore[index]


def test_html_that_is_much_longer_than_its_text_is_not_kept() -> None:
    repeated = f"[a]: https://example.org/{'y' * 1000}\n\n" + "[a] " * 3000
    assert render(repeated) is None
