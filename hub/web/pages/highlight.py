"""Code as HTML with its parts marked, coloured by hub.css. Pure.

Pygments only tells the parts apart; its own styles are not used, for no page has inline styles.
"""

import re
from collections.abc import Iterable
from html import escape

import pygments
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

from hub.content.rules.report import Finding, Level

_PREFIX = "k-"
CLASSES = frozenset(_PREFIX + short for short in STANDARD_TYPES.values() if short)
# Longer code, or code with a longer line, is shown without marks: most lexers take time with the
# square of what was made for it. A file of 100,000 characters takes a third of a second.
LONGEST = 100_000  # characters
LONGEST_LINE = 1_000
# A lexer that is not listed is never run: those for diff, go, hcl and javascript, among others,
# take half a minute over 100,000 characters such as `/*/*/*…`.
_LANGUAGES = {
    **{name: name for name in ("bash", "ini", "json", "promql", "python", "toml", "xml", "yaml")},
    "py": "python",
    "sh": "bash",
    "shell": "bash",
    "yml": "yaml",
}
_BY_SUFFIX = {"yaml": "yaml", "yml": "yaml", "json": "json", "rules": "yaml", "sh": "bash"}
_FORMATTER: HtmlFormatter[str] = HtmlFormatter(nowrap=True, classprefix=_PREFIX)
# No text of a page may hold them (HTML, "preprocessing the input stream").
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# They show nothing, or turn the order of what follows: code may look like what it is not.
_HIDDEN = re.compile(r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def language_of(path: str) -> str:
    """The language that a file's name tells; "" for none."""
    return _BY_SUFFIX.get(path.rpartition(".")[2].casefold(), "")


def highlight(code: str, language: str) -> SafeString:
    """The code as HTML, to stand in a `<pre>` or `<code>`."""
    return mark_safe("\n".join(_lines(code, language)))  # noqa: S308 — Pygments and escape() made it


def listing(
    code: str, language: str, findings: Iterable[Finding] = (), prefix: str = ""
) -> SafeString:
    """The code line by line, each with an anchor (`L12`) and the findings that speak of it.

    Numbers and findings stand in attributes, so the text of the listing is the code and nothing
    else: what is copied from it works. Whoever uses it has to list the findings as text as well.
    """
    by_line: dict[int, list[Finding]] = {}
    for finding in findings:
        by_line.setdefault(finding.line, []).append(finding)
    return format_html_join(
        "\n",
        '<span class="line{}" id="{}"><a class="line__number" href="#{}" data-line="{}" '
        'tabindex="-1" aria-hidden="true"></a>{}{}</span>',
        (
            _line(number, mark_safe(html), by_line.get(number, []), prefix)  # noqa: S308 — as above
            for number, html in enumerate(_lines(code, language), start=1)
        ),
    )


def _line(
    number: int, html: SafeString, findings: list[Finding], prefix: str
) -> tuple[object, ...]:
    anchor = f"{prefix}L{number}"
    worst = min((finding.level for finding in findings), key=list(Level).index, default=None)
    remarks = format_html_join(
        "",
        '<span class="remark remark--{0}" data-says="{0}: {1}"></span>',
        ((finding.level, visible(finding.reason)) for finding in findings),
    )
    mark = f" line--{worst}" if worst else ""
    return mark, anchor, anchor, number, html, remarks


def visible(text: str) -> str:
    """The text without characters that no page may hold."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def _lines(code: str, language: str) -> list[str]:
    """HTML of each line; every element that a line opens it closes as well."""
    code = visible(code.replace("\r\n", "\n").replace("\r", "\n")).removesuffix("\n")
    name = _LANGUAGES.get(language.casefold())
    long = len(code) > LONGEST or any(len(line) > LONGEST_LINE for line in code.split("\n"))
    if name is None or long:
        html = escape(code)
    else:
        lexer = get_lexer_by_name(name, stripnl=False, ensurenl=False)
        html = pygments.highlight(code, lexer, _FORMATTER).removesuffix("\n")
    return _HIDDEN.sub(_show, html).split("\n")


def _show(match: re.Match[str]) -> str:
    """The character with its name beside it, and unable to turn what follows."""
    return f'<bdi class="hidden" data-char="U+{ord(match[0]):04X}">{match[0]}</bdi>'
