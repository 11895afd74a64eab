"""The coverage grid: rows, sorting, totals and CSV lines. Pure functions."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import QueryDict

from hub.catalogue.table import escape_formula
from hub.content.kinds import KINDS
from hub.names.search_terms import clean
from hub.web.pages.badges import STATES, Badge, state_of
from hub.web.pages.pager import page_number

LABELS = {"E": "Exporter in the catalogue", **{kind.letter: kind.label for kind in KINDS}}
# The headers of the columns, for which LABELS are too long.
_SHORT_LABELS = {"E": "Listed", **{kind.letter: kind.short_label for kind in KINDS}}
_COLUMNS = {letter: number for number, letter in enumerate(LABELS)}
_RANKS = {mark: rank for rank, mark in enumerate(STATES)}
SORTS = ("name", "category", *LABELS, "fit")


class GridRow(NamedTuple):
    """An exporter with all its directories, or (without a slug) a directory without an exporter."""

    title: str
    directories: tuple[str, ...]
    cells: tuple[Badge, ...]  # in the order of LABELS
    slug: str = ""
    category: str = ""
    repository: str = ""
    fit: tuple[int, int] | None = None  # as in `AllContents.fits`

    def rank(self, sort: str) -> Any:
        """Return the row's sort key for the column `sort`."""
        if sort in ("name", "category"):
            return (self.title if sort == "name" else self.category).casefold()
        if sort == "fit":
            return self.fit[0] / self.fit[1] if self.fit else -1
        return _RANKS[self.cells[_COLUMNS[sort]].mark]


@dataclass(frozen=True)
class GridQuery:
    """The filter and the sort order of the grid, from its URL."""

    category: str = ""
    missing: str = ""  # the letter of a kind: only exporters and directories without it
    sort: str = "name"
    descending: bool = False
    page: int = 1

    @property
    def key(self) -> str:
        """The order as a parameter: "-A" sorts by alerting rules, descending."""
        return f"-{self.sort}" if self.descending else self.sort

    @property
    def query_string(self) -> str:
        """The query string with its "?"; "" for the first of all rows, sorted by name."""
        pairs = {
            "category": self.category,
            "missing": self.missing,
            "sort": "" if self.key == "name" else self.key,
            "page": str(self.page) if self.page != 1 else "",
        }
        query = urlencode({name: value for name, value in pairs.items() if value})
        return f"?{query}" if query else ""

    def sorted_by(self, sort: str) -> "GridQuery":
        """Return the query sorted by a column; in reverse if it is already sorted by it."""
        descending = sort == self.sort and not self.descending
        return replace(self, sort=sort, descending=descending, page=1)

    def on_page(self, page: int) -> "GridQuery":
        """Return the query for another page of the same rows."""
        return replace(self, page=page)

    def apply(self, rows: Iterable[GridRow]) -> list[GridRow]:
        """Return the matching rows, sorted; rows with equal keys are sorted by name."""
        matches = [row for row in rows if self.category in ("", row.category)]
        if self.missing:
            column = _COLUMNS[self.missing]
            matches = [row for row in matches if row.cells[column].mark == "absent"]
        matches.sort(key=lambda row: row.rank("name"))
        matches.sort(key=lambda row: row.rank(self.sort), reverse=self.descending)
        return matches


def parse_grid_query(parameters: QueryDict) -> tuple[GridQuery, list[str]]:
    """Parse the parameters; also return a note for each value that is ignored."""
    sort, missing = clean(parameters.get("sort", "")), clean(parameters.get("missing", ""))
    query = GridQuery(
        clean(parameters.get("category", "")), page=page_number(parameters.get("page", ""))
    )
    notes = []
    if any(missing == kind.letter for kind in KINDS):
        query = replace(query, missing=missing)
    elif missing:
        notes.append(f"No kind of content is called “{missing[:40]}”: all rows are shown.")
    name = sort.removeprefix("-")
    if name in SORTS:
        query = replace(query, sort=name, descending=sort != name)
    elif sort:
        notes.append(f"The grid cannot be sorted by “{sort[:40]}”: it is sorted by name.")
    return query, notes


@dataclass(frozen=True)
class StateCount:
    """The number of rows in one state; `offset` is where it starts in the column's stacked bar."""

    mark: str
    state: str
    count: int
    offset: int


@dataclass(frozen=True)
class Column:
    """The header of a column: labels, sort link, current sort order and totals."""

    letter: str
    short_label: str
    label: str
    sort_query: GridQuery
    sorted: str  # the value of aria-sort; "" if the grid is not sorted by this column
    counts: Sequence[StateCount] = ()

    @property
    def usable(self) -> int:
        """The number of rows with usable content; for E, of exporters in the catalogue."""
        return next((count.count for count in self.counts if count.mark == "ok"), 0)


def columns(rows: Sequence[GridRow], query: GridQuery) -> list[Column]:
    """Return the headers of all columns, with totals over `rows`."""
    labels = {"name": "Exporter", "category": "Category", **LABELS, "fit": "Metrics"}
    order = "descending" if query.descending else "ascending"
    return [
        Column(
            letter=sort if sort in LABELS else "",
            short_label=_SHORT_LABELS.get(sort, ""),
            label=label,
            sort_query=query.sorted_by(sort),
            sorted=order if sort == query.sort else "",
            counts=_counts(rows, sort) if sort in LABELS else (),
        )
        for sort, label in labels.items()
    ]


def _counts(rows: Iterable[GridRow], letter: str) -> list[StateCount]:
    counter = Counter(row.cells[_COLUMNS[letter]].mark for row in rows)
    counts, offset = [], 0
    for mark in reversed(STATES):
        if counter[mark]:
            counts.append(StateCount(mark, state_of(letter, mark), counter[mark], offset))
            offset += counter[mark]
    return counts


def csv_lines(rows: Iterable[GridRow]) -> Iterator[list[str]]:
    """Yield the header and a line for each row, safe to open in a spreadsheet."""
    yield [
        "exporter",
        "slug",
        "category",
        "repository",
        "directories",
        "metrics_fitting",
        "metrics_checked",
        *LABELS,
    ]
    for row in rows:
        name = (row.title if row.slug else "", row.slug, row.category, row.repository)
        states = (STATES[cell.mark] for cell in row.cells)
        fit = map(str, row.fit or ("", ""))
        cells = (*name, " | ".join(row.directories), *fit, *states)
        yield [escape_formula(cell) for cell in cells]
