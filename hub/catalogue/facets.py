"""The filters of the catalogue and how many exporters each would leave. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hub.catalogue.query import CatalogueQuery
from hub.content.kinds import KINDS


@dataclass(frozen=True)
class FacetEntry:
    """What the filters need to know of one exporter."""

    pk: int
    category: str
    official: bool = False
    updated: bool = False
    has: frozenset[str] = frozenset()  # letters of kinds
    usable: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Option:
    """One thing to choose, with the number of exporters that would be left with it.

    `toggled` is the query with it, or without it where it is chosen.
    """

    facet: str
    label: str
    count: int
    chosen: bool
    toggled: CatalogueQuery


@dataclass(frozen=True)
class Facet:
    """Options that belong together."""

    title: str
    options: list[Option]


@dataclass(frozen=True)
class _Group:
    parameter: str
    title: str
    labels: dict[str, str]  # value → label
    holds: Callable[[FacetEntry, str], bool]
    any_of: bool = False  # several values widen what is shown; otherwise all have to hold


_KINDS = {kind.letter: kind.label for kind in KINDS}
_GROUPS = (
    _Group("usable", "Usable", _KINDS, lambda entry, value: value in entry.usable),
    _Group("has", "Has", _KINDS, lambda entry, value: value in entry.has),
    _Group("official", "Kept by", {"1": "Prometheus team"}, lambda entry, _: entry.official),
    _Group("updated", "Updated", {"1": "In the last 90 days"}, lambda entry, _: entry.updated),
    _Group("category", "Category", {}, lambda entry, value: entry.category == value, any_of=True),
)


def narrow(
    entries: Iterable[FacetEntry], query: CatalogueQuery, *, without: str = ""
) -> list[FacetEntry]:
    """Those that all filters of `query` let through, in the order given.

    `without` names a parameter to disregard.
    """
    filters = [
        (group, values)
        for group in _GROUPS
        if group.parameter != without and (values := query.values(group.parameter))
    ]
    return [
        entry
        for entry in entries
        if all(
            (any if group.any_of else all)(group.holds(entry, value) for value in values)
            for group, values in filters
        )
    ]


def facets(entries: Sequence[FacetEntry], query: CatalogueQuery) -> list[Facet]:
    """Every filter, each option counted under all the other filters that are set.

    Where several values widen (categories), the others of the same filter are disregarded.
    """
    narrowed = narrow(entries, query)
    found = []
    for group in _GROUPS:
        others = narrow(entries, query, without=group.parameter) if group.any_of else narrowed
        counted = [
            _option(group, value, query, sum(group.holds(entry, value) for entry in others))
            for value in _values(group, entries, query)
        ]
        found.append(Facet(group.title, counted))
    return found


def relaxations(entries: Sequence[FacetEntry], query: CatalogueQuery) -> list[Option]:
    """The filters that are set whose removal alone would leave something, what leaves most first.

    `count` is what each leaves.
    """
    ways = [
        _option(group, value, query, len(narrow(entries, query.toggled(group.parameter, value))))
        for group in _GROUPS
        for value in query.values(group.parameter)
    ]
    return sorted((way for way in ways if way.count), key=lambda way: -way.count)


def _values(group: _Group, entries: Iterable[FacetEntry], query: CatalogueQuery) -> list[str]:
    """The group's values; a category that is set, even when no exporter is left in it."""
    if group.labels:
        return list(group.labels)
    return sorted({entry.category for entry in entries} | {*query.category}, key=str.casefold)


def _option(group: _Group, value: str, query: CatalogueQuery, count: int) -> Option:
    return Option(
        facet=group.title,
        label=group.labels.get(value, value),
        count=count,
        chosen=value in query.values(group.parameter),
        toggled=query.toggled(group.parameter, value),
    )
