"""Show rendered Markdown: READMEs and release notes. Nothing is rendered in a reader's request."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from html import unescape
from urllib.parse import quote, unquote, urljoin, urlsplit

from django.utils.encoding import iri_to_uri
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from hub.content.content_files import Content
from hub.models import RenderedText
from hub.rendering.markdown import LONGEST, VERSION, visible_part
from hub.web.pictures import ShownPicture

# The start of an image with a relative URL, as `render` leaves it.
_IMAGE = re.compile(r'<img alt="([^"]*)"$')
_WORD = re.compile(r"(?<![&#\w])\w+")


@dataclass(frozen=True)
class Place:
    """The location of a text, which its relative links are resolved against.

    `repository` is the URL of its page, such as `https://github.com/OWNER/NAME`. If it is empty,
    relative links are removed. `pictures`: those that the hub has, by path in the repository.
    """

    repository: str = ""
    branch: str = "HEAD"
    folder: str = ""
    pictures: Mapping[str, ShownPicture] = field(default_factory=dict)

    def href(self, url: str) -> str:
        """Return the attribute for GitHub's page of a relative URL; "" if it has none."""
        absolute = self._absolute(url)
        # The URL was not sanitised when the text was rendered, because it was relative.
        if not absolute.startswith(("https://", "http://")):
            return ""
        return format_html(' href="{}"', iri_to_uri(absolute))

    def picture(self, url: str) -> ShownPicture | None:
        """Return the picture at a relative URL; None if the hub does not have it."""
        try:
            scheme, server, path, *_ = urlsplit(urljoin(quote(f"/{self.folder}/"), url))
        except ValueError:
            return None
        return None if scheme or server else self.pictures.get(unquote(path).lstrip("/"))

    def _absolute(self, url: str) -> str:
        if not self.repository:
            return ""
        root = f"{self.repository.rstrip('/')}/blob/{quote(self.branch)}/"
        if url.startswith("/") and not url.startswith(("//", "/\\")):
            return urljoin(root, url.lstrip("/"))
        try:
            return urljoin(root + quote(f"{self.folder}/".lstrip("/")), url)
        except ValueError:  # for example, an invalid IPv6 address
            return ""


@dataclass(frozen=True)
class Prose:
    """Safe HTML, and whether the text was truncated because it was too long."""

    html: SafeString
    truncated: bool


def with_anchors(text: Prose, names: Collection[str]) -> tuple[Prose, set[str]]:
    """Return the text with an anchor, `runbook.NAME`, where it first contains each of the names.

    Also return the names that it contains. Only text is searched, neither tags nor entities.
    """
    missing = set(names)

    def anchored(word: re.Match[str]) -> str:
        if word[0] not in missing:
            return word[0]
        missing.discard(word[0])
        return f'<span id="runbook.{word[0]}">{word[0]}</span>'

    parts = re.split(r"(<[^>]*>)", text.html)  # text and tags alternate
    parts[::2] = [_WORD.sub(anchored, part) for part in parts[::2]]
    html = mark_safe("".join(parts))  # noqa: S308 — words are letters, digits and underscores
    return replace(text, html=html), set(names) - missing


def prose(text: str, rendered: RenderedText | Content, place: Place) -> Prose:
    """Return the stored HTML of a text or, until a worker has rendered it, the text as it is."""
    parts = rendered.html_parts if rendered.renderer == VERSION else None
    if parts is None:
        shown = visible_part(text)
        html = format_html('<pre tabindex="0">{}</pre>', shown) if shown else SafeString()
    else:
        html = mark_safe(_resolved(parts, place))  # noqa: S308 — `render` sanitized it
    return Prose(html, len(text) > LONGEST)


def _resolved(parts: list[str], place: Place) -> str:
    """Return the HTML with its relative links and images in their places."""
    html = parts[:1]
    for url, after in zip(parts[1::2], parts[2::2], strict=True):
        image = _IMAGE.search(html[-1])
        if image is None:
            html += [place.href(url), after]
            continue
        html[-1] = html[-1][: image.start()]
        alt, picture = unescape(image[1]), place.picture(url)
        missing = format_html('<span class="readme__image">image: {}</span>', alt)
        html += [picture.img(alt) if picture else missing, after.removeprefix(">")]
    return "".join(html)
