"""Escape and clean untrusted text for feeds, badges and Markdown. Pure functions."""

import re

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|])")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def one_line(text: str) -> str:
    """Join the lines of `text`, and replace control characters and those that change direction."""
    joined = " ".join(text.split())
    if joined.isprintable():
        return joined
    return "".join(character if character.isprintable() else _REPLACEMENT for character in joined)


def markdown(text: str) -> str:
    """Return `text` as one line, with all Markdown syntax and HTML escaped."""
    return _MARKDOWN.sub(r"\\\1", one_line(text))
