"""The picture of a dashboard's layout."""

from hub.content.rules.report import Panel
from hub.web.pages.dashboard_preview import COLUMNS, preview

CELL = 20, 13  # width and height of a cell of the grid


def places(*panels: Panel) -> list[tuple[str, float, float, float, float]]:
    """Return title, x, y, width and height of each cell, in cells of the grid."""
    (width, height) = CELL
    return [
        (
            each.title,
            each.x // width,
            each.y // height,
            (each.width + 2) / width,
            (each.height + 2) / height,
        )
        for each in preview(panels).cells
    ]


def test_panels_are_drawn_where_the_grid_has_them() -> None:
    stat = Panel("Up", "stat", grid=(0, 0, 6, 4))
    graph = Panel("Memory", "timeseries", grid=(6, 0, 18, 8))
    assert places(stat, graph) == [("Up", 0, 0, 6, 4), ("Memory", 6, 0, 18, 8)]
    picture = preview([stat, graph])
    assert (picture.width, picture.height) == (COLUMNS * CELL[0], 8 * CELL[1])
    assert [cell.glyph for cell in picture.cells] == ["number", "line"]


def test_a_row_is_a_bar_and_a_collapsed_one_hides_its_panels() -> None:
    first = Panel("A", "stat", row="Open", grid=(0, 1, 12, 4))
    hidden = [
        Panel(name, "stat", row="Closed", grid=(0, 6, 12, 4), collapsed=True) for name in "BC"
    ]
    last = Panel("D", "stat", row="Last", grid=(12, 7, 12, 4))
    assert places(first, *hidden, last) == [
        ("Open", 0, 0, 24, 1),
        ("A", 0, 1, 12, 4),
        ("Closed (2 panels)", 0, 5, 24, 1),
        ("Last", 0, 6, 24, 1),
        ("D", 12, 7, 12, 4),
    ]


def test_panels_without_a_place_are_side_by_side() -> None:
    panels = [Panel(name, "unheard-of") for name in "ABCD"]
    assert [place[1:3] for place in places(*panels)] == [(0, 0), (8, 0), (16, 0), (0, 6)]
    assert preview(panels).cells[0].glyph == "other"


def test_long_titles_are_cut_and_an_empty_dashboard_has_a_picture() -> None:
    (cell,) = preview([Panel("W" * 100, "stat", grid=(0, 0, 4, 4))]).cells
    assert cell.title.endswith("W…")
    assert len(cell.title) * 5 <= cell.width
    assert preview([]).cells == []
    assert preview([]).height > 0
