"""Find words that the project does not use.

CONTRIBUTING.md, "Language", has the rule: plain English, with the standard terms of the field.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.checks.files import ROOT, own_files

NOT_USED = (
    "as ever",
    "asked of",
    "came to",
    "for ever",
    "holds up no",
    "homeless",
    "in a ring",
    "is rid of",
    "mended",
    "nobody else is at",
    "spelt out",
    "vouches",
    "whoever",
)
# Between two words: spaces, and what a line break brings along in a comment or a string.
_BETWEEN = r"[\s#*/>\"']+"
_PATTERN = re.compile(
    r"\b(?:" + "|".join(phrase.replace(" ", _BETWEEN) for phrase in NOT_USED) + r")\b",
    re.IGNORECASE,
)
_THIS = Path(__file__).relative_to(ROOT)
_TEST = Path("tests/unit/checks/test_words.py")


def unused_words(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the phrase for each phrase in a text that the project does not use."""
    for match in _PATTERN.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, " ".join(re.split(_BETWEEN, match[0]))


def problems() -> Iterator[str]:
    """Yield each place in the project's own files."""
    for path in own_files():
        if path not in (_THIS, _TEST):
            for line, phrase in unused_words((ROOT / path).read_text(encoding="utf-8")):
                yield f"{path}:{line}: the project does not use “{phrase}”: use a plain word"
