"""The coverage grid: its rows, its orders, its totals and its lines as CSV. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from hub.catalogue.table import escape_formula
from hub.content.kinds import KINDS
from hub.names.search_terms import clean
from hub.web.pages.badges import Badge

LABELS = {"E": "Exporter in the catalogue", **{kind.letter: kind.label for kind in KINDS}}
# What stands beside the letter where there is room for it.
_WORDS = {"E": "Listed", **{kind.letter: kind.short_label for kind in KINDS}}
# Ascending, what is missing stands first: there the work is.
MARKS = {"absent": "missing", "broken": "broken", "unknown": "not known", "there": "usable"}
_RANKS = {mark: rank for rank, mark in enumerate(MARKS)}
SORTS = ("name", "category", *LABELS)


@dataclass(frozen=True)
class GridRow:
    """An exporter with all its directories; without a slug, a directory that belongs to none."""

    title: str
    directories: tuple[str, ...]
    cells: tuple[Badge, ...]  # in the order of LABELS
    slug: str = ""
    category: str = ""
    repository: str = ""

    def rank(self, sort: str) -> Any:
        """By what the row is sorted in that column."""
        if sort in ("name", "category"):
            return (self.title if sort == "name" else self.category).casefold()
        return next(_RANKS[cell.mark] for cell in self.cells if cell.letter == sort)


@dataclass(frozen=True)
class View:
    """What an address asks of the grid."""

    category: str = ""
    sort: str = "name"
    descending: bool = False

    @property
    def key(self) -> str:
        """The order as the address has it: "-A" is by alerting rules, descending."""
        return f"-{self.sort}" if self.descending else self.sort

    @property
    def query(self) -> str:
        """What follows the path in the address: "" for all rows by name."""
        pairs = {"category": self.category, "sort": "" if self.key == "name" else self.key}
        query = urlencode({name: value for name, value in pairs.items() if value})
        return f"?{query}" if query else ""

    def sorted_by(self, sort: str) -> "View":
        """By that column; the other way round where it is sorted by it."""
        return replace(self, sort=sort, descending=sort == self.sort and not self.descending)

    def of(self, rows: Iterable[GridRow]) -> list[GridRow]:
        """The rows that it shows, in its order; equal ones by name."""
        shown = [row for row in rows if self.category in ("", row.category)]
        shown.sort(key=lambda row: row.rank("name"))
        shown.sort(key=lambda row: row.rank(self.sort), reverse=self.descending)
        return shown


def view_of(category: str, sort: str) -> tuple[View, list[str]]:
    """What an address asks for, and what of it means nothing and was left out, in words."""
    name, descending = sort.removeprefix("-"), sort.startswith("-")
    shelf = clean(category)
    if name in SORTS:
        return View(shelf, name, descending), []
    notes = [f"The grid cannot be sorted by “{clean(sort)[:40]}”: it is sorted by name."]
    return View(shelf), notes if clean(sort) else []


@dataclass(frozen=True)
class Part:
    """How many rows have one mark in a column, and how many stand before it in the column's bar."""

    mark: str
    words: str
    count: int
    before: int


@dataclass(frozen=True)
class Column:
    """The head of a column: where sorting by it leads, how it is sorted now, its totals."""

    letter: str
    word: str
    label: str
    sorting: View
    sorted: str  # as aria-sort has it; "" when it is not
    parts: Sequence[Part] = ()

    @property
    def usable(self) -> int:
        """In how many rows it is usable."""
        return next((part.count for part in self.parts if part.mark == "there"), 0)


def columns(rows: Sequence[GridRow], view: View) -> list[Column]:
    """The heads of all columns over the rows that are shown."""
    heads = {"name": "Exporter", "category": "Category", **LABELS}
    return [
        Column(
            letter=sort if sort in LABELS else "",
            word=_WORDS.get(sort, ""),
            label=label,
            sorting=view.sorted_by(sort),
            sorted=("descending" if view.descending else "ascending") if sort == view.sort else "",
            parts=_parts(rows, sort) if sort in LABELS else (),
        )
        for sort, label in heads.items()
    ]


def _parts(rows: Iterable[GridRow], letter: str) -> list[Part]:
    counted = Counter(cell.mark for row in rows for cell in row.cells if cell.letter == letter)
    parts, before = [], 0
    for mark in reversed(MARKS):
        if counted[mark]:
            parts.append(Part(mark, MARKS[mark], counted[mark], before))
            before += counted[mark]
    return parts


def lines(rows: Iterable[GridRow]) -> Iterator[list[str]]:
    """The grid as lines of a table, the heads first."""
    yield ["exporter", "slug", "category", "repository", "directories", *LABELS]
    for row in rows:
        name = (row.title if row.slug else "", row.slug, row.category, row.repository)
        marks = (MARKS[cell.mark] for cell in row.cells)
        yield [escape_formula(cell) for cell in (*name, " | ".join(row.directories), *marks)]
