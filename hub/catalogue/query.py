"""Parse and build the query string of the catalogue page. No I/O.

Every query has one canonical form: sorted parameters, no repeated values and no default values.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from hub.catalogue.order import SORTS
from hub.content.kinds import LETTERS
from hub.names.search_terms import clean

_MAX_CATEGORY_LENGTH = 60
_MAX_CATEGORIES = 30  # in one query; the page has a link for each
FLAGS = ("ready", "official", "updated")


@dataclass(frozen=True)
class CatalogueQuery:
    """Search text, filters, sort order and page. The default is the whole catalogue.

    `has` and `usable`: letters of kinds; content that is usable is present as well. `ready`: at
    least one kind is usable.
    """

    q: str = ""
    category: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    usable: tuple[str, ...] = ()
    ready: bool = False
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
        flags = [(name, "1") for name in FLAGS if getattr(self, name)]
        lists = [
            (name, value) for name in ("category", "has", "usable") for value in getattr(self, name)
        ]
        sort = [] if self.sort in ("", replace(self, sort="").order) else [("sort", self.sort)]
        page = [("page", str(self.page))] if self.page != 1 else []
        return [*([("q", self.q)] if self.q else []), *lists, *flags, *sort, *page]

    @property
    def query_string(self) -> str:
        """The query string with its "?"; "" for the whole catalogue."""
        return f"?{urlencode(self.pairs)}" if self.pairs else ""

    def state_of(self, letter: str) -> str:
        """Return the parameter that filters by a kind: "has", "usable" or ""."""
        return next((name for name in ("usable", "has") if letter in getattr(self, name)), "")

    def with_state(self, letter: str, state: str) -> "CatalogueQuery":
        """Return the query with another filter of a kind, as `state_of`; on the first page."""
        letters = {name: {*getattr(self, name)} - {letter} for name in ("has", "usable")}
        if state:
            letters[state].add(letter)
        chosen: dict[str, Any] = {name: _in_order(found) for name, found in letters.items()}
        return replace(self, page=1, **chosen)

    def toggled(self, flag: str) -> "CatalogueQuery":
        """Return the query with a flag set, or unset if it is set; on the first page."""
        changed: dict[str, Any] = {flag: not getattr(self, flag)}
        return replace(self, page=1, **changed)

    def with_category(self, name: str) -> "CatalogueQuery":
        """Return the query with a category added, or removed if present; on the first page."""
        others = tuple(one for one in self.category if one != name)
        changed = others if name in self.category else _sorted_names((*others, name))
        return replace(self, page=1, category=changed)

    def without_categories(self) -> "CatalogueQuery":
        """Return the query for all categories, on the first page."""
        return replace(self, page=1, category=())

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
    usable = known("usable", LETTERS)
    flags: dict[str, Any] = {name: bool(known(name, ["1"])) for name in FLAGS}
    query = CatalogueQuery(
        q=q,
        category=_sorted_names(categories[:_MAX_CATEGORIES]),
        has=_in_order(letter for letter in known("has", LETTERS) if letter not in usable),
        usable=_in_order(usable),
        page=int(page),
        **flags,
    )
    return (query if sort == query.order else replace(query, sort=sort)), notices


def _sorted_names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names), key=lambda name: (name.casefold(), name)))


def _in_order(letters: Iterable[str]) -> tuple[str, ...]:
    given = set(letters)
    return tuple(letter for letter in LETTERS if letter in given)
