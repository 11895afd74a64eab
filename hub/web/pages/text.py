"""Other people's words, made fit for a place. Pure."""

import re

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|])")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def one_line(text: str) -> str:
    """`text` without line breaks and what nobody could see: XML refuses control characters, and
    others would turn the direction of what stands behind them.
    """
    words = " ".join(text.split())
    return "".join(character if character.isprintable() else _REPLACEMENT for character in words)


def markdown(text: str) -> str:
    """`text` as one line of Markdown that reads as it stands: no link, no tag, no heading."""
    return _MARKDOWN.sub(r"\\\1", one_line(text))
