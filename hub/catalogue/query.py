"""Parse and build the query string of the catalogue page. No I/O.

Every query has one canonical form: sorted parameters, no repeated values and no default values.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from hub.content.kinds import LETTERS
from hub.names.search_terms import clean

SORTS = {
    "relevance": "Relevance",
    "popular": "Popular",
    "recent": "Recent",
    "trending": "Trending",
    "name": "Name",
}
_MAX_CATEGORY_LENGTH = 60
_MAX_CATEGORIES = 30  # in one query; the page has a link for each


@dataclass(frozen=True)
class CatalogueQuery:
    """Search text, filters, sort order and page. The default is the whole catalogue."""

    q: str = ""
    category: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    usable: tuple[str, ...] = ()
    official: bool = False
    updated: bool = False
    sort: str = ""  # "": relevance for a search, popular without one
    page: int = 1

    @property
    def order(self) -> str:
        """The effective key of `SORTS`."""
        return self.sort or ("relevance" if self.q else "popular")

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The parameters of the query string, in canonical order."""
        flags = [(name, "1") for name in ("official", "updated") if getattr(self, name)]
        lists = [
            (name, value) for name in ("category", "has", "usable") for value in self.values(name)
        ]
        sort = [] if self.sort in ("", replace(self, sort="").order) else [("sort", self.sort)]
        page = [("page", str(self.page))] if self.page != 1 else []
        return [*([("q", self.q)] if self.q else []), *lists, *flags, *sort, *page]

    @property
    def query_string(self) -> str:
        """The query string with its "?"; "" for the whole catalogue."""
        return f"?{urlencode(self.pairs)}" if self.pairs else ""

    def values(self, parameter: str) -> tuple[str, ...]:
        """Return the values of a filter; ("1",) for a flag that is set."""
        value = getattr(self, parameter)
        return value if isinstance(value, tuple) else (("1",) if value else ())

    def toggled(self, parameter: str, value: str) -> "CatalogueQuery":
        """Return the query with a filter value added, or removed if present; on the first page."""
        current = self.values(parameter)
        changed: Any = not current
        if not isinstance(getattr(self, parameter), bool):
            others = tuple(one for one in current if one != value)
            changed = others if value in current else _in_order(parameter, (*others, value))
        return replace(self, page=1, **{parameter: changed})

    def sorted_by(self, sort: str) -> "CatalogueQuery":
        """Return the query with another sort order, on the first page."""
        return replace(self, sort=sort, page=1)

    def without_search(self) -> "CatalogueQuery":
        """Return the query with the same filters but no search text."""
        return replace(self, q="", sort="" if self.sort == "relevance" else self.sort, page=1)

    def without_filters(self) -> "CatalogueQuery":
        """Return the query for the whole catalogue in the same sort order."""
        return CatalogueQuery(sort="" if self.sort == "relevance" else self.sort)

    def on_page(self, page: int) -> "CatalogueQuery":
        """Return the query for another page of the same results."""
        return replace(self, page=page)


def parse_query(parameters: QueryDict) -> tuple[CatalogueQuery, list[str]]:
    """Return the query and a message for each invalid value. Skip unknown and empty parameters."""
    notices: list[str] = []

    def values(name: str) -> list[str]:
        given = [clean(value) for value in parameters.getlist(name)]
        return list(dict.fromkeys(value for value in given if value))

    def known(name: str, allowed: Iterable[str]) -> list[str]:
        allowed = list(allowed)
        notices.extend(
            f"“{value[:40]}” is not a value of “{name}”: use {' or '.join(allowed)}."
            for value in values(name)
            if value not in allowed
        )
        return [value for value in values(name) if value in allowed]

    q = (values("q") or [""])[0]
    sort = (known("sort", SORTS) or [""])[0]
    if sort == "relevance" and not q:
        sort = ""
    page = (values("page") or ["1"])[0]
    if not (page.isascii() and page.isdigit() and len(page) < 7):
        notices.append(f"“{page[:40]}” is not a page number: this is page 1.")
        page = "1"
    categories = [value[:_MAX_CATEGORY_LENGTH] for value in values("category")]
    if len(categories) > _MAX_CATEGORIES:
        notices.append(f"Only the first {_MAX_CATEGORIES} categories are applied.")
    query = CatalogueQuery(
        q=q,
        category=_in_order("category", categories[:_MAX_CATEGORIES]),
        has=_in_order("has", known("has", LETTERS)),
        usable=_in_order("usable", known("usable", LETTERS)),
        official=bool(known("official", ["1"])),
        updated=bool(known("updated", ["1"])),
        page=int(page),
    )
    return (query if sort == query.order else replace(query, sort=sort)), notices


def _in_order(parameter: str, values: Iterable[str]) -> tuple[str, ...]:
    if parameter == "category":
        return tuple(sorted(set(values), key=lambda value: (value.casefold(), value)))
    return tuple(letter for letter in LETTERS if letter in values)
