"""Render untrusted Markdown as HTML that runs no script and loads nothing. Pure functions.

markdown-it renders the Markdown and keeps the HTML in it. nh3 removes what is not on an allow-list,
`_PageAdapter` adapts the rest to the hub's pages, and nh3 sanitizes the result again.
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

# Longer text is truncated. READMEs rarely reach a third of this. Malicious input (`[[[[…`) takes
# markdown-it 20 µs a character, so 2.5 s at this limit.
LONGEST = 128 * 1024  # characters
# nh3 needs quadratic time for nested tags: 0.4 s for this number of `<div>`.
_MOST_RAW_TAGS = 10_000
_MAX_DEPTH = 100
_LONGEST_FENCE = 10_000  # characters; longer code blocks are not highlighted
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
# Removed together with their content. Of other disallowed tags, the content is kept.
_REMOVED = {
    *("script", "style", "template", "noscript", "title", "textarea", "iframe", "object", "svg"),
    *("math", "noembed", "noframes", "plaintext", "xmp", "select", "canvas", "audio", "video"),
}
_BADGE = re.compile(
    r"shields\.io|badge|travis-ci|circleci|codecov|coveralls|goreportcard|/workflows/.*\.svg", re.I
)


@dataclass(frozen=True)
class Place:
    """The location of a text, which its relative links are resolved against.

    `repository` is the URL of its page, such as `https://github.com/OWNER/NAME`. If it is empty,
    relative links are removed.
    """

    repository: str = ""
    branch: str = "HEAD"
    folder: str = ""

    def absolute(self, url: str) -> str | None:
        """Resolve a relative URL to GitHub's page of the file; None if that is not possible."""
        if not self.repository:
            return None
        root = f"{self.repository.rstrip('/')}/blob/{quote(self.branch)}/"
        if url.startswith("/") and not url.startswith(("//", "/\\")):
            return urljoin(root, url.lstrip("/"))
        try:
            return urljoin(root + quote(f"{self.folder}/".lstrip("/")), url)
        except ValueError:  # for example, an invalid IPv6 address
            return None

    def raw(self, url: str) -> str:
        """Return the URL of a file's bytes for the URL of its page on GitHub."""
        root = self.repository.rstrip("/")
        return url.replace(f"{root}/blob/", f"{root}/raw/", 1) if self.repository else url


@dataclass(frozen=True)
class Rendered:
    """Safe HTML, and whether the text was truncated because it was too long."""

    html: SafeString
    truncated: bool = False


@lru_cache(maxsize=256)  # a README of 20 KB takes 30 ms
def render(text: str, place: Place, top: int = 3, prefix: str = "readme-") -> Rendered:
    """Render any text as HTML. Never raises.

    `top` is the level of the highest heading. `prefix` keeps the ids distinct from the page's own.
    """

    def absolute(url: str) -> str | None:
        return f"#{prefix}{url[1:]}" if url.startswith("#") else place.absolute(url)

    text = highlight.visible(text)
    truncated = len(text) > LONGEST
    if truncated:
        text = text[:LONGEST].rpartition("\n")[0] or text[:LONGEST]
    if len(re.findall(r"<[a-zA-Z]", text)) > _MOST_RAW_TAGS:
        return Rendered(format_html('<pre tabindex="0">{}</pre>', text), truncated)
    cleaned = nh3.clean(
        _MARKDOWN.render(text),
        tags=_TAGS | {"img"},
        clean_content_tags=_REMOVED,
        attributes=_ATTRIBUTES | {"a": {"href", "name"}, "img": {"src", "alt"}},
        allowed_classes={"span": highlight.CLASSES, "bdi": {"hidden"}},
        url_schemes=_SCHEMES,
        url_relative=absolute,
        id_prefix=prefix,
        link_rel=None,
    )
    adapted = _PageAdapter(place, top, prefix).adapt(cleaned)
    return Rendered(mark_safe(_sanitize(adapted)), truncated)  # noqa: S308 — nh3 sanitized it


def _sanitize(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags=_REMOVED,
        attributes=_ATTRIBUTES | {"div": {"tabindex", "role", "aria-label"}},
        set_tag_attribute_values={"pre": {"tabindex": "0"}},  # scrollable with the keyboard
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
class _OpenElement:
    """An open element: the index of its start tag in the output, and its end tag."""

    tag: str
    index: int
    end_tag: str
    has_text: bool = False


class _PageAdapter(HTMLParser):
    """Adapts HTML to a page. Expects the output of nh3, which is well-formed.

    - Images become links and badges become text, so that nothing is loaded from other hosts.
    - Headings start below the page's own and skip no level.
    - Tables can be scrolled, including with the keyboard.
    - Empty links and headings are removed, because screen readers announce them.
    - Duplicate ids are removed.
    """

    def __init__(self, place: Place, top: int, prefix: str) -> None:
        super().__init__()
        self._place, self._top, self._prefix = place, top, prefix
        self._out: list[str] = []
        self._open: list[_OpenElement] = []
        self._levels: list[int] = []  # original levels of the headings that enclose this point
        self._ids: set[str] = set()

    def adapt(self, html: str) -> str:
        self.feed(html)
        self.close()
        return "".join(self._out)

    def handle_data(self, data: str) -> None:
        self._out.append(escape(data, quote=False))
        if data.strip():
            self._mark_text()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "img":
            self._image(attributes)
            return
        if tag in _VOID:
            self._out.append(f"<{tag}>")
            return
        if len(self._open) >= _MAX_DEPTH:
            self._open.append(_OpenElement(tag, len(self._out), ""))
            return
        before = after = ""
        name = tag
        if tag in _HEADINGS:
            name = self._heading(int(tag[1]))
        elif tag == "table":
            before = '<div class="readme__table" tabindex="0" role="group" aria-label="Table">'
            after = "</div>"
        elif tag == "a" and "name" in attributes:
            attributes.setdefault("id", self._prefix + attributes.pop("name"))
        self._open.append(_OpenElement(tag, len(self._out), f"</{name}>{after}"))
        self._out.append(before + self._start_tag(name, attributes))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1].tag != tag:
            return  # cannot happen: nh3 writes matching tags
        element = self._open.pop()
        if element.has_text or not element.end_tag or tag not in ("a", "th", *_HEADINGS):
            self._out.append(element.end_tag)
        elif tag == "th":
            self._out[element.index] = self._out[element.index].replace("<th", "<td", 1)
            self._out.append("</td>")
        else:
            anchor = re.search(r' id="[^"]*"', self._out[element.index])
            self._out[element.index] = f"<span{anchor[0]}></span>" if anchor else ""

    def _start_tag(self, tag: str, attributes: dict[str, str]) -> str:
        element_id = attributes.get("id", "")
        if element_id in self._ids or re.search(r"\s", element_id):
            attributes.pop("id", None)
        self._ids.add(attributes.get("id", ""))
        written = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
        return f"<{tag}{written}>"

    def _heading(self, level: int) -> str:
        while self._levels and self._levels[-1] >= level:
            self._levels.pop()
        self._levels.append(level)
        return f"h{min(self._top + len(self._levels) - 1, 6)}"

    def _image(self, attributes: dict[str, str]) -> None:
        source = attributes.get("src", "")
        file = source.partition("?")[0].rstrip("/").rpartition("/")[2]
        text = " ".join(attributes.get("alt", "").split()) or file[:80] or "unnamed"
        in_link = any(element.tag == "a" and element.end_tag for element in self._open)
        if _BADGE.search(source):
            html = f'<span class="readme__badge">{escape(text)}</span>'
        elif source.startswith(("https://", "http://")) and not in_link:
            href = escape(self._place.raw(source))
            html = f'<a class="readme__image" href="{href}">image: {escape(text)}</a>'
        else:
            html = f'<span class="readme__image">image: {escape(text)}</span>'
        self._out.append(html)
        self._mark_text()

    def _mark_text(self) -> None:
        for element in self._open:
            element.has_text = True
