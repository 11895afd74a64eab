"""Syntax highlighting with Pygments. Pure functions.

Pygments sets only CSS classes, and hub.css defines their colours: no page has inline styles.
"""

import re
from html import escape

import pygments
from django.utils.safestring import SafeString, mark_safe
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

_PREFIX = "k-"
CLASSES = frozenset(_PREFIX + short for short in STANDARD_TYPES.values() if short)
# Longer code, or code with a longer line, is not highlighted: most lexers need quadratic time for
# malicious input. Code of this length takes a sixth of a second; malicious code, twice as long.
LONGEST = 50_000  # characters
LONGEST_LINE = 1_000
# Only these lexers are used: others, such as those for diff, go, hcl and javascript, need half a
# minute for 100,000 characters such as `/*/*/*…`.
_LANGUAGES = {
    **{name: name for name in ("bash", "ini", "json", "promql", "python", "toml", "xml", "yaml")},
    "py": "python",
    "sh": "bash",
    "shell": "bash",
    "yml": "yaml",
}
_BY_SUFFIX = {"yaml": "yaml", "yml": "yaml", "json": "json", "rules": "yaml", "sh": "bash"}
_FORMATTER: HtmlFormatter[str] = HtmlFormatter(nowrap=True, classprefix=_PREFIX)
# Control characters, which HTML does not allow ("Preprocessing the input stream").
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# Invisible characters, and those that change the text direction: both can disguise code.
_HIDDEN = re.compile(r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def language_of(path: str) -> str:
    """Return the language for a file's suffix; "" if it is not known."""
    return _BY_SUFFIX.get(path.rpartition(".")[2].casefold(), "")


def highlight(code: str, language: str) -> SafeString:
    """Return the code as HTML for a `<pre>` or `<code>` element."""
    return mark_safe("\n".join(lines(code, language)))  # noqa: S308 — Pygments or escape() escaped it


def visible(text: str) -> str:
    """Replace the control characters that HTML does not allow."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def lines(code: str, language: str) -> list[str]:
    """Return the HTML of each line. No element spans several lines."""
    code = visible(code.replace("\r\n", "\n").replace("\r", "\n")).removesuffix("\n")
    name = _LANGUAGES.get(language.casefold())
    too_long = len(code) > LONGEST or any(len(line) > LONGEST_LINE for line in code.split("\n"))
    if name is None or too_long:
        html = escape(code)
    else:
        lexer = get_lexer_by_name(name, stripnl=False, ensurenl=False)
        html = pygments.highlight(code, lexer, _FORMATTER).removesuffix("\n")
    return _HIDDEN.sub(_show, html).split("\n")


def _show(match: re.Match[str]) -> str:
    """Show the character's code point, and isolate its effect on the text direction."""
    return f'<bdi class="hidden" data-char="U+{ord(match[0]):04X}">{match[0]}</bdi>'
