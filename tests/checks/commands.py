"""The fenced commands of the documents: each is run by a test, or says why not."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from markdown_it import MarkdownIt

_SHELL = ("sh", "bash", "console")
_REASON = re.compile(r"<!-- not run in tests: (\S.*?) -->", re.DOTALL)


class Fence(NamedTuple):
    """A fenced block of shell commands. `reason` says why no test runs it; "" if one does."""

    line: int
    commands: str
    reason: str


def outputs(text: str) -> list[str]:
    """Return the fenced blocks without a language, which show what commands print."""
    tokens = MarkdownIt("commonmark").parse(text)
    return [token.content for token in tokens if token.type == "fence" and not token.info]


def fences(text: str) -> Iterator[Fence]:
    """Yield the blocks of shell commands of a Markdown text.

    A comment above a block, `<!-- not run in tests: REASON -->`, leaves it out of the test.
    """
    reason = ""
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "html_block":
            marked = _REASON.fullmatch(token.content.strip())
            reason = marked[1] if marked else ""
        elif token.type == "fence":
            if token.info.strip() in _SHELL and token.map:
                yield Fence(token.map[0] + 1, token.content, reason)
            reason = ""
        elif token.level == 0:
            reason = ""
