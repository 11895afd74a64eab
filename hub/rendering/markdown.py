"""Render untrusted Markdown as HTML. Pure functions, without a limit on their time.

markdown-it renders the Markdown and keeps the HTML in it. nh3 removes what is not on an allow-list,
`_PageAdapter` adapts the rest to the hub's pages, and nh3 sanitizes the result again.
"""

import re
from dataclasses import dataclass
from html import escape, unescape
from html.parser import HTMLParser
from secrets import token_hex

import nh3
from markdown_it import MarkdownIt
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.tasklists import tasklists_plugin

from hub.rendering import highlight

# Increase it with every change to this module or to highlighting: texts that were rendered by an
# older version are rendered again, and shown as plain text until then.
VERSION = 3

# Longer text is truncated. READMEs rarely reach a third of this.
LONGEST = 128 * 1024  # characters
# Text whose HTML is longer is shown as plain text: with references, a short text can repeat a long
# one thousands of times. Ordinary HTML is twice as long as its text.
_LONGEST_HTML = 16 * LONGEST
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


def render(text: str, top: int = 3, prefix: str = "readme-") -> list[str] | None:
    """Render any text as HTML; None if its HTML is too long.

    Relative links depend on the place of the text, so the HTML is returned in parts: every second
    part is a relative URL, and the attribute `href` with the URL belongs in its place. After
    `<img alt="…"`, it is the URL of an image, and the whole element has to be replaced.

    `top` is the level of the highest heading. `prefix` keeps the ids distinct from the page's own.
    """
    # The text cannot contain it, because it is new for each text.
    relative = f"https://{token_hex(16)}.invalid/"

    def absolute(url: str) -> str:
        return f"#{prefix}{url[1:]}" if url.startswith("#") else relative + url

    text = visible_part(text)
    cleaned = nh3.clean(
        _MARKDOWN.render(text),
        tags=_TAGS | {"img", "input"},
        clean_content_tags=_REMOVED,
        attributes=_ATTRIBUTES
        | {"a": {"href", "name"}, "img": {"src", "alt"}, "input": {"type", "checked"}},
        allowed_classes={"span": highlight.CLASSES, "bdi": {"hidden"}},
        url_schemes=_SCHEMES,
        url_relative=absolute,
        id_prefix=prefix,
        link_rel=None,
    )
    html = _sanitize(_PageAdapter(top, prefix, relative).adapt(cleaned))
    if len(html) > _LONGEST_HTML:
        return None
    parts = re.split(f' (?:href|src)="{re.escape(relative)}([^"]*)"', html)
    return [unescape(part) if number % 2 else part for number, part in enumerate(parts)]


def visible_part(text: str) -> str:
    """Return the part of a text that is shown, without characters that HTML does not allow."""
    if len(text) > LONGEST:
        text = text[:LONGEST].rpartition("\n")[0] or text[:LONGEST]
    return highlight.visible(text)


def _sanitize(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS | {"img"},
        clean_content_tags=_REMOVED,
        attributes=_ATTRIBUTES | {"div": {"tabindex", "role", "aria-label"}, "img": {"alt", "src"}},
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
    .use(tasklists_plugin)
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

    - Images of other hosts become links and badges become text, so that nothing is loaded from
      there. Relative images stay: a page shows those that the hub has.
    - Headings start below the page's own and skip no level.
    - Check boxes, as in task lists, become text; other fields of forms are removed.
    - Tables can be scrolled, including with the keyboard.
    - Empty links and headings are removed, because screen readers announce them.
    - Duplicate ids are removed.
    """

    def __init__(self, top: int, prefix: str, relative: str) -> None:
        super().__init__()
        self._top, self._prefix, self._relative = top, prefix, relative
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
        if tag == "input":
            if attributes.get("type", "").lower() == "checkbox":
                self.handle_data("☑" if "checked" in attributes else "☐")
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
        path = source.removeprefix(self._relative).partition("?")[0]
        file = path.rstrip("/").rpartition("/")[2]
        text = " ".join(attributes.get("alt", "").split()) or file[:80] or "unnamed"
        relative = source.startswith(self._relative)
        in_link = any(element.tag == "a" and element.end_tag for element in self._open)
        if _BADGE.search(source):
            html = f'<span class="readme__badge">{escape(text)}</span>'
        elif relative:
            html = f'<img alt="{escape(text)}" src="{escape(source)}">'
            if not in_link:
                html = f'<a class="readme__image" href="{escape(source)}">{html}</a>'
        elif source.startswith(("https://", "http://")) and not in_link:
            html = f'<a class="readme__image" href="{escape(source)}">image: {escape(text)}</a>'
        else:
            html = f'<span class="readme__image">image: {escape(text)}</span>'
        self._out.append(html)
        self._mark_text()

    def _mark_text(self) -> None:
        for element in self._open:
            element.has_text = True
