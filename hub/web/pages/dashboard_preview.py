"""A small picture of a dashboard: where its panels and rows are. Pure functions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from hub.content.rules.report import Panel

COLUMNS = 24  # of Grafana's grid
_CELL_WIDTH, _CELL_HEIGHT = 20, 13  # about the proportions of the grid in a wide window
_GAP = 2
_MAX_PANELS = 80
_TEXT_WIDTH = 5  # of a letter, at the most
# For panels without a known place: three in a line, as wide as Grafana's own default.
_DEFAULT_WIDTH, _DEFAULT_HEIGHT = 8, 6
# Type of a panel → the symbol that stands for it.
_GLYPHS = {
    "alertlist": "list",
    "bargauge": "bars",
    "barchart": "bars",
    "dashlist": "list",
    "gauge": "gauge",
    "graph": "line",
    "heatmap": "heatmap",
    "histogram": "bars",
    "logs": "list",
    "piechart": "pie",
    "grafana-piechart-panel": "pie",
    "singlestat": "number",
    "stat": "number",
    "state-timeline": "heatmap",
    "status-history": "heatmap",
    "table": "table",
    "table-old": "table",
    "text": "list",
    "timeseries": "line",
}


@dataclass(frozen=True)
class Cell:
    """A panel or the bar of a row, in the units of the picture. `glyph` is "" for a row."""

    x: int
    y: int
    width: int
    height: int
    title: str
    glyph: str = ""

    @property
    def glyph_x(self) -> int:
        """The left edge of the panel's symbol, which is centred."""
        return self.x + (self.width - self.glyph_size) // 2

    @property
    def glyph_y(self) -> int:
        """The upper edge of the panel's symbol, below its title."""
        return self.y + 10 + max(0, self.height - 10 - self.glyph_size) // 2

    @property
    def glyph_size(self) -> int:
        """The width and height of the panel's symbol."""
        return max(8, min(32, self.width - 8, self.height - 14))


@dataclass(frozen=True)
class Preview:
    """The picture. Its width is always the same."""

    height: int
    cells: list[Cell]
    width: int = COLUMNS * _CELL_WIDTH


def preview(panels: Sequence[Panel]) -> Preview:
    """Return the picture of the panels, which are given in the order of the dashboard."""
    cells: list[Cell] = []
    bottom = 0  # in rows of the grid
    for (row, collapsed), group in groupby(
        panels[:_MAX_PANELS], lambda panel: (panel.row, panel.collapsed)
    ):
        of_row = list(group)
        if row or collapsed:
            count = f" ({len(of_row)} panel{'' if len(of_row) == 1 else 's'})" if collapsed else ""
            cells.append(_cell(0, bottom, COLUMNS, 1, f"{row}{count}", ""))
            bottom += 1
        if collapsed:
            continue
        places = _places(of_row)
        top = min(y for _, y, _, _ in places)
        for panel, (x, y, width, height) in zip(of_row, places, strict=True):
            glyph = _GLYPHS.get(panel.type, "other")
            cells.append(_cell(x, bottom + y - top, width, height, panel.title, glyph))
        bottom += max(y + height for _, y, _, height in places) - top
    return Preview(max(1, bottom) * _CELL_HEIGHT, cells)


def _places(panels: Iterable[Panel]) -> list[tuple[int, int, int, int]]:
    """Return x, y, width and height of each panel; side by side if any of them is not known."""
    known = [panel.grid for panel in panels]
    if all(known):
        return [place for place in known if place]
    per_line = COLUMNS // _DEFAULT_WIDTH
    return [
        (
            n % per_line * _DEFAULT_WIDTH,
            n // per_line * _DEFAULT_HEIGHT,
            _DEFAULT_WIDTH,
            _DEFAULT_HEIGHT,
        )
        for n in range(len(known))
    ]


def _cell(x: int, y: int, width: int, height: int, title: str, glyph: str) -> Cell:
    pixels = width * _CELL_WIDTH - _GAP
    longest = max(1, (pixels - 8) // _TEXT_WIDTH)
    short = title if len(title) <= longest else f"{title[: longest - 1]}…"
    left, top = x * _CELL_WIDTH + _GAP // 2, y * _CELL_HEIGHT + _GAP // 2
    return Cell(left, top, pixels, height * _CELL_HEIGHT - _GAP, short, glyph)
