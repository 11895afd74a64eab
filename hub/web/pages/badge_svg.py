"""The badge that an exporter's README may show: E I A G, as an SVG of our own drawing. Pure."""

from collections.abc import Iterable

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from hub.web.pages.badges import Badge
from hub.web.pages.text import one_line

_LABEL = "exporter hub"
_LABEL_WIDTH = 84
_TEXT_WIDTH = 70  # of the label: `textLength` makes it so whatever the reader's fonts are
_CELL = 30
_HEIGHT = 20

# White on these, and the letters on white: contrast of 4.5:1 and more.
_COLOURS = {"there": "#0b6b5c", "broken": "#8a4b00", "absent": "#5d6a73", "unknown": "#3f5566"}
# The marks of the pages (`icons.html`), 12 by 12.
_SHAPES = {
    "there": '<path d="M2.2 6.4 4.9 9l5-6" stroke-width="2"/>',
    "broken": '<path d="M6 2.2v4.6M6 9.5v.1" stroke-width="2.2"/>',
    "absent": '<path d="M2.75 6h6.5" stroke-width="1.75"/>',
    "unknown": '<path d="M3.7 4.1a2.35 2.35 0 1 1 3.6 2C6.4 6.6 6 7 6 7.7M6 10.2v.1" '
    'stroke-width="1.6"/>',
}


def badge_svg(title: str, badges: Iterable[Badge]) -> SafeString:
    """The SVG document for the exporter `title`.

    Each state has a colour, a shape and words. No style and no script: it needs neither, and the
    content security policy of whoever shows it may allow none.
    """
    badges = list(badges)
    width = _LABEL_WIDTH + _CELL * len(badges)
    words = one_line(f"{title} on Exporter Hub. " + "; ".join(badge.words for badge in badges))
    cells = format_html_join(
        "",
        '<g transform="translate({} 0)"><title>{}</title>'
        '<rect width="{}" height="{}" fill="{}"/>'
        '<text x="6" y="14" fill="#fff" font-weight="bold">{}</text>'
        '<g transform="translate(16 4)" fill="none" stroke="#fff" stroke-linecap="round" '
        'stroke-linejoin="round">{}</g></g>',
        (
            (
                _LABEL_WIDTH + _CELL * place,
                badge.words,
                _CELL,
                _HEIGHT,
                _COLOURS[badge.mark],
                badge.letter,
                mark_safe(_SHAPES[badge.mark]),  # noqa: S308 — our own drawing
            )
            for place, badge in enumerate(badges)
        ),
    )
    return format_html(
        '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}" '
        'role="img" aria-label="{2}"><title>{2}</title>'
        '<clipPath id="r"><rect width="{0}" height="{1}" rx="3"/></clipPath>'
        '<g clip-path="url(#r)" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        '<rect width="{0}" height="{1}" fill="#2b3740"/>'
        '<text x="7" y="14" fill="#fff" textLength="{3}">{4}</text>{5}</g></svg>\n',
        width,
        _HEIGHT,
        words,
        _TEXT_WIDTH,
        _LABEL,
        cells,
    )
