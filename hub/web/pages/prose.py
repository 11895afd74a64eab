"""Show rendered Markdown: READMEs and release notes. Nothing is rendered in a reader's request."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from urllib.parse import quote, urljoin

from django.utils.encoding import iri_to_uri
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from hub.content.content_files import Content
from hub.models import RenderedText
from hub.rendering.markdown import LONGEST, VERSION, visible_part

_WORD = re.compile(r"(?<![&#\w])\w+")


@dataclass(frozen=True)
class Place:
    """The location of a text, which its relative links are resolved against.

    `repository` is the URL of its page, such as `https://github.com/OWNER/NAME`. If it is empty,
    relative links are removed.
    """

    repository: str = ""
    branch: str = "HEAD"
    folder: str = ""

    def href(self, url: str) -> str:
        """Return the attribute for GitHub's page of a relative URL; "" if it has none."""
        absolute = self._absolute(url)
        # The URL was not sanitised when the text was rendered, because it was relative.
        if not absolute.startswith(("https://", "http://")):
            return ""
        return format_html(' href="{}"', iri_to_uri(absolute))

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
        resolved = (place.href(part) if n % 2 else part for n, part in enumerate(parts))
        html = mark_safe("".join(resolved))  # noqa: S308 — `render` sanitized it
    return Prose(html, len(text) > LONGEST)
