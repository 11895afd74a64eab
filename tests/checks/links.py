"""Find links in the documents that lead nowhere.

Links to files and headings of this repository are followed; addresses of other sites are not
requested, so that the check needs no network.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.checks.files import ROOT, own_files

_MARKDOWN = MarkdownIt("commonmark").enable("table")


def _tokens(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _tokens(token.children or [])


def targets(text: str) -> Iterator[str]:
    """Yield the address of each link and picture of a Markdown text."""
    for token in _tokens(_MARKDOWN.parse(text)):
        address = token.attrGet("href") or token.attrGet("src")
        if address:
            yield str(address)


def anchors(text: str) -> set[str]:
    """Return the anchors of a Markdown text's headings, as GitHub makes them.

    GitHub's rule: https://docs.github.com/en/get-started/writing-on-github (section links).
    """
    tokens = _MARKDOWN.parse(text)
    found, seen = set(), Counter[str]()
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            parts = [one for one in inline.children or [] if one.type in ("text", "code_inline")]
            words = "".join(part.content for part in parts)
            anchor = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")
            found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
            seen[anchor] += 1
    return found


def broken_links(document: Path, root: Path) -> Iterator[str]:
    """Yield each link of a document that leads to no file or no heading below `root`."""
    for address in targets(document.read_text(encoding="utf-8")):
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        target = (document.parent / unquote(parts.path)).resolve() if parts.path else document
        is_outside = not target.is_relative_to(root)
        if is_outside or not target.exists() or not _has_anchor(target, parts.fragment):
            yield address


def _has_anchor(target: Path, anchor: str) -> bool:
    if not anchor or target.suffix != ".md":
        return True
    return anchor in anchors(target.read_text(encoding="utf-8"))


def problems() -> Iterator[str]:
    """Yield each broken link of the project's own documents."""
    for path in own_files(".md"):
        if "sample" not in path.parts:  # READMEs of other projects
            for address in broken_links(ROOT / path, ROOT):
                yield f"{path}: {address} leads nowhere"
