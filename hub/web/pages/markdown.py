"""Markdown of strangers as HTML for the hub's own pages: nothing in it acts, loads or covers. Pure.

markdown-it reads it (READMEs hold HTML, so HTML passes), nh3 takes out all but an allow-list, then
the rest is fitted into a page, and nh3 has the last word once more.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from html.parser import HTMLParser
from urllib.parse import quote, urljoin

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from mdit_py_plugins.anchors import anchors_plugin

from hub.web.pages import highlight

# What is rendered, at most; the rest is cut off. A README rarely has a third of it. Input made to
# be slow (`[[[[…`) takes markdown-it 20 µs a character: 2.5 s for all of this.
LONGEST = 128 * 1024  # characters
# nh3 takes time with the square of the nesting; so many `<div>` take it 0.4 s.
_MOST_RAW_TAGS = 10_000
_DEEPEST = 100
_LONGEST_FENCE = 10_000  # characters; longer ones are not highlighted
_SCHEMES = {"http", "https", "mailto"}
_REL = "nofollow noopener noreferrer"
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_TAGS = {
    *("a", "abbr", "b", "bdi", "blockquote", "br", "code", "dd", "del", "details", "div", "dl"),
    *("dt", "em", "hr", "i", "ins", "kbd", "li", "ol", "p", "pre", "q", "s", "samp", "small"),
    *("span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead"),
    *("tr", "tt", "u", "ul", "var", *_HEADINGS),
}
_VOID = {"br", "hr", "img"}
_ATTRIBUTES = {
    "*": {"id", "title"},
    "a": {"href"},
    "bdi": {"data-char"},
    "details": {"open"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
# Removed with all that is in them; of other tags that are not allowed the text stays.
_GONE = {
    *("script", "style", "template", "noscript", "title", "textarea", "iframe", "object", "svg"),
    *("math", "noembed", "noframes", "plaintext", "xmp", "select", "canvas", "audio", "video"),
}
_BADGE = re.compile(
    r"shields\.io|badge|travis-ci|circleci|codecov|coveralls|goreportcard|/workflows/.*\.svg", re.I
)


@dataclass(frozen=True)
class Place:
    """Where a text lies, so that its relative links can be made whole.

    `repository` is the address that people look at, such as `https://github.com/OWNER/NAME`; while
    it is empty, relative links are left out.
    """

    repository: str = ""
    branch: str = "HEAD"
    folder: str = ""

    def whole(self, url: str) -> str | None:
        """The address that a relative one means: GitHub's page about the file."""
        if not self.repository:
            return None
        root = f"{self.repository.rstrip('/')}/blob/{quote(self.branch)}/"
        if url.startswith("/") and not url.startswith(("//", "/\\")):
            return urljoin(root, url.lstrip("/"))
        try:
            return urljoin(root + quote(f"{self.folder}/".lstrip("/")), url)
        except ValueError:  # such as an IPv6 address that is none
            return None

    def raw(self, url: str) -> str:
        """The address of an image's bytes instead of the page about it."""
        root = self.repository.rstrip("/")
        return url.replace(f"{root}/blob/", f"{root}/raw/", 1) if self.repository else url


@dataclass(frozen=True)
class Rendered:
    """Safe HTML, and whether the text was too long to be rendered whole."""

    html: SafeString
    cut: bool = False


@lru_cache(maxsize=256)  # a README of 20 KB takes 30 ms
def render(text: str, place: Place, top: int = 3, prefix: str = "readme-") -> Rendered:
    """The text as HTML whose headings begin at `<h{top}>`. Takes any text, and never raises.

    `prefix` goes before every id, so that none is one of the page's own.
    """

    def whole(url: str) -> str | None:
        return f"#{prefix}{url[1:]}" if url.startswith("#") else place.whole(url)

    text = highlight.visible(text)
    cut = len(text) > LONGEST
    if cut:
        text = text[:LONGEST].rpartition("\n")[0] or text[:LONGEST]
    if len(re.findall(r"<[a-zA-Z]", text)) > _MOST_RAW_TAGS:
        return Rendered(format_html('<pre tabindex="0">{}</pre>', text), cut)
    cleaned = nh3.clean(
        _MARKDOWN.render(text),
        tags=_TAGS | {"img"},
        clean_content_tags=_GONE,
        attributes=_ATTRIBUTES | {"a": {"href", "name"}, "img": {"src", "alt"}},
        allowed_classes={"span": highlight.CLASSES, "bdi": {"hidden"}},
        url_schemes=_SCHEMES,
        url_relative=whole,
        id_prefix=prefix,
        link_rel=None,
    )
    fitted = _Fitting(place, top, prefix).fit(cleaned)
    return Rendered(mark_safe(_last_word(fitted)), cut)  # noqa: S308 — that is what nh3 is for


def _last_word(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags=_GONE,
        attributes=_ATTRIBUTES | {"div": {"tabindex", "role", "aria-label"}},
        set_tag_attribute_values={"pre": {"tabindex": "0"}},  # scrolled with the keyboard
        allowed_classes={
            "bdi": {"hidden"},
            "span": highlight.CLASSES | {"readme__badge", "readme__image"},
            "a": {"readme__image"},
            "div": {"readme__table"},
        },
        url_schemes=_SCHEMES,
        link_rel=_REL,
    )


def _highlighted(code: str, language: str, _: str) -> str:
    return highlight.highlight(code, language if len(code) <= _LONGEST_FENCE else "")


_MARKDOWN = (
    MarkdownIt("commonmark", {"html": True, "highlight": _highlighted})
    .enable(["table", "strikethrough"])
    .use(anchors_plugin, max_level=6)
)


@dataclass
class _Open:
    """An element that is open: where its tag stands in the output, and what has to close it."""

    tag: str
    at: int
    closing: str
    text: bool = False


class _Fitting(HTMLParser):
    """Fits HTML that nh3 has cleaned, and so is well-formed, into a page.

    - Nothing is loaded from elsewhere: an image becomes a link to it, a badge becomes text.
    - Headings begin below the page's own, and skip no level.
    - Tables can be scrolled, with the keyboard as well.
    - What is empty and would be read aloud as such (links, headings) is left out.
    - No id stands twice.
    """

    def __init__(self, place: Place, top: int, prefix: str) -> None:
        super().__init__()
        self._place, self._top, self._prefix = place, top, prefix
        self._out: list[str] = []
        self._open: list[_Open] = []
        self._levels: list[int] = []  # of the headings above, as the text counts them
        self._ids: set[str] = set()

    def fit(self, html: str) -> str:
        """The fitted HTML."""
        self.feed(html)
        self.close()
        return "".join(self._out)

    def handle_data(self, data: str) -> None:
        self._out.append(escape(data, quote=False))
        if data.strip():
            self._see_text()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "img":
            self._image(given)
            return
        if tag in _VOID:
            self._out.append(f"<{tag}>")
            return
        if len(self._open) >= _DEEPEST:
            self._open.append(_Open(tag, len(self._out), ""))
            return
        before = after = ""
        name = tag
        if tag in _HEADINGS:
            name = self._heading(int(tag[1]))
        elif tag == "table":
            before = '<div class="readme__table" tabindex="0" role="group" aria-label="Table">'
            after = "</div>"
        elif tag == "a" and "name" in given:
            given.setdefault("id", self._prefix + given.pop("name"))
        self._open.append(_Open(tag, len(self._out), f"</{name}>{after}"))
        self._out.append(before + self._tag(name, given))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1].tag != tag:
            return  # nh3 closes all that it opens, and nothing else
        last = self._open.pop()
        if last.text or not last.closing or tag not in ("a", "th", *_HEADINGS):
            self._out.append(last.closing)
        elif tag == "th":
            self._out[last.at] = self._out[last.at].replace("<th", "<td", 1)
            self._out.append("</td>")
        else:
            mark = re.search(r' id="[^"]*"', self._out[last.at])
            self._out[last.at] = f"<span{mark[0]}></span>" if mark else ""

    def _tag(self, name: str, given: dict[str, str]) -> str:
        if "id" in given and (given["id"] in self._ids or re.search(r"\s", given["id"])):
            del given["id"]
        self._ids.add(given.get("id", ""))
        attributes = "".join(f' {name}="{escape(value)}"' for name, value in given.items())
        return f"<{name}{attributes}>"

    def _heading(self, level: int) -> str:
        while self._levels and self._levels[-1] >= level:
            self._levels.pop()
        self._levels.append(level)
        return f"h{min(self._top + len(self._levels) - 1, 6)}"

    def _image(self, given: dict[str, str]) -> None:
        source = given.get("src", "")
        file = source.partition("?")[0].rstrip("/").rpartition("/")[2]
        words = " ".join(given.get("alt", "").split()) or file[:80] or "without a name"
        in_link = any(element.tag == "a" and element.closing for element in self._open)
        if _BADGE.search(source):
            html = f'<span class="readme__badge">{escape(words)}</span>'
        elif source.startswith(("https://", "http://")) and not in_link:
            href = escape(self._place.raw(source))
            html = f'<a class="readme__image" href="{href}">image: {escape(words)}</a>'
        else:
            html = f'<span class="readme__image">image: {escape(words)}</span>'
        self._out.append(html)
        self._see_text()

    def _see_text(self) -> None:
        for element in self._open:
            element.text = True
