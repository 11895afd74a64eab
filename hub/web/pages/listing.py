"""Listings of files: code with line numbers, anchors and findings. Pure functions."""

from collections.abc import Iterable

from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from hub.content.rules.report import Finding, Level
from hub.rendering.highlight import lines, visible


def listing(
    code: str, language: str, findings: Iterable[Finding] = (), prefix: str = ""
) -> SafeString:
    """Return the code as HTML with line numbers, anchors (`L12`) and findings.

    Line numbers and findings are in attributes, so that copied text contains only the code. The
    caller must also list the findings as text.
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
            for number, html in enumerate(lines(code, language), start=1)
        ),
    )


def _line(
    number: int, html: SafeString, findings: list[Finding], prefix: str
) -> tuple[object, ...]:
    anchor = f"{prefix}L{number}"
    worst = min((finding.level for finding in findings), key=list(Level).index, default=None)
    notes = format_html_join(
        "",
        '<span class="remark remark--{0}" data-says="{0}: {1}"></span>',
        ((finding.level, visible(finding.reason)) for finding in findings),
    )
    css_class = f" line--{worst}" if worst else ""
    return css_class, anchor, anchor, number, html, notes
