"""What a reader wants to see of the catalogue, as it stands in the address. Pure.

An address has one form: parameters in one order, each value once, and nothing that says no more
than its absence would.
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
_LONGEST_CATEGORY = 60
_MOST_CATEGORIES = 30  # chosen at once; each is a link of its own on the page


@dataclass(frozen=True)
class CatalogueQuery:
    """A search, filters, an order and a page. The default is all of the catalogue."""

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
        """The key in `SORTS` that holds."""
        return self.sort or ("relevance" if self.q else "popular")

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The parameters, as they stand in the address."""
        flags = [(name, "1") for name in ("official", "updated") if getattr(self, name)]
        lists = [
            (name, value) for name in ("category", "has", "usable") for value in self.values(name)
        ]
        sort = [] if self.sort in ("", replace(self, sort="").order) else [("sort", self.sort)]
        page = [("page", str(self.page))] if self.page > 1 else []
        return [*([("q", self.q)] if self.q else []), *lists, *flags, *sort, *page]

    @property
    def query_string(self) -> str:
        """What follows the path in the address: "" for all of the catalogue."""
        return f"?{urlencode(self.pairs)}" if self.pairs else ""

    def values(self, parameter: str) -> tuple[str, ...]:
        """The values of a filter; ("1",) for a flag that is set."""
        value = getattr(self, parameter)
        return value if isinstance(value, tuple) else (("1",) if value else ())

    def toggled(self, parameter: str, value: str) -> "CatalogueQuery":
        """With one filter set, or taken away where it was set; from the first page."""
        had = self.values(parameter)
        changed: Any = not had
        if not isinstance(getattr(self, parameter), bool):
            kept = tuple(one for one in had if one != value)
            changed = kept if value in had else _in_order(parameter, (*had, value))
        return replace(self, page=1, **{parameter: changed})

    def sorted_by(self, sort: str) -> "CatalogueQuery":
        """In another order, from the first page."""
        return replace(self, sort=sort, page=1)

    def unsearched(self) -> "CatalogueQuery":
        """The same filters without the search."""
        return replace(self, q="", sort="" if self.sort == "relevance" else self.sort, page=1)

    def all_of_it(self) -> "CatalogueQuery":
        """Nothing searched and nothing filtered, in the same order."""
        return CatalogueQuery(sort="" if self.sort == "relevance" else self.sort)

    def on_page(self, page: int) -> "CatalogueQuery":
        """Another page of the same."""
        return replace(self, page=page)


def parse_query(parameters: QueryDict) -> tuple[CatalogueQuery, list[str]]:
    """What an address asks for, and what of it means nothing and was left out, in words.

    Parameters that are not the catalogue's own and empty ones are left out silently.
    """
    said: list[str] = []

    def values(name: str) -> list[str]:
        given = [clean(value) for value in parameters.getlist(name)]
        return list(dict.fromkeys(value for value in given if value))

    def known(name: str, allowed: Iterable[str]) -> list[str]:
        allowed = list(allowed)
        said.extend(
            f"“{value[:40]}” is not a value of “{name}”: {' or '.join(allowed)} would be."
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
        said.append(f"“{page[:40]}” is not the number of a page: this is the first.")
        page = "1"
    categories = [value[:_LONGEST_CATEGORY] for value in values("category")]
    if len(categories) > _MOST_CATEGORIES:
        said.append(f"More than {_MOST_CATEGORIES} categories were chosen: the first ones count.")
    query = CatalogueQuery(
        q=q,
        category=_in_order("category", categories[:_MOST_CATEGORIES]),
        has=_in_order("has", known("has", LETTERS)),
        usable=_in_order("usable", known("usable", LETTERS)),
        official=bool(known("official", ["1"])),
        updated=bool(known("updated", ["1"])),
        page=int(page),
    )
    return (query if sort == query.order else replace(query, sort=sort)), said


def _in_order(parameter: str, values: Iterable[str]) -> tuple[str, ...]:
    if parameter == "category":
        return tuple(sorted(set(values), key=lambda value: (value.casefold(), value)))
    return tuple(letter for letter in LETTERS if letter in values)
