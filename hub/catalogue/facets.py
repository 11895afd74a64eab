"""The catalogue's filters, with the number of matching exporters for each option. No I/O."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from hub.catalogue.query import CatalogueQuery
from hub.content.kinds import KINDS


class FacetEntry(NamedTuple):  # there are thousands, and a dataclass takes three times as long
    """The fields of an exporter that the filters use."""

    pk: int
    category: str
    official: bool = False
    updated: bool = False
    has: frozenset[str] = frozenset()  # letters of kinds
    usable: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Option:
    """An option of a filter, with the number of exporters that match it."""

    facet: str
    label: str
    count: int
    chosen: bool
    toggled: CatalogueQuery  # with the option added, or removed if it is chosen


@dataclass(frozen=True)
class Facet:
    """A filter: a title and its options."""

    title: str
    options: list[Option]


@dataclass(frozen=True)
class _Group:
    parameter: str
    title: str
    labels: dict[str, str]  # value → label
    values_of: Callable[[FacetEntry], Collection[str]]
    any_of: bool = False  # one matching value is enough; otherwise all must match


_KINDS = {kind.letter: kind.label for kind in KINDS}
_GROUPS = (
    _Group("usable", "Usable", _KINDS, lambda entry: entry.usable),
    _Group("has", "Present", _KINDS, lambda entry: entry.has),
    _Group(
        "official",
        "Maintained by",
        {"1": "Prometheus team"},
        lambda entry: "1" if entry.official else "",
    ),
    _Group(
        "updated",
        "Updated",
        {"1": "In the last 90 days"},
        lambda entry: "1" if entry.updated else "",
    ),
    _Group("category", "Category", {}, lambda entry: (entry.category,), any_of=True),
)


def narrow(
    entries: Iterable[FacetEntry], query: CatalogueQuery, *, without: str = ""
) -> list[FacetEntry]:
    """Return the entries that match all filters of `query` except `without`, in their order."""
    filters = [
        (group, values)
        for group in _GROUPS
        if group.parameter != without and (values := query.values(group.parameter))
    ]
    return [
        entry
        for entry in entries
        if all(
            (any if group.any_of else all)(value in group.values_of(entry) for value in values)
            for group, values in filters
        )
    ]


def facets(entries: Sequence[FacetEntry], query: CatalogueQuery) -> list[Facet]:
    """Return all filters. Each option is counted with the other filters applied.

    If one matching value is enough (categories), other values of the same filter are ignored.
    """
    narrowed = narrow(entries, query)
    found = []
    for group in _GROUPS:
        others = narrow(entries, query, without=group.parameter) if group.any_of else narrowed
        counts = Counter(chain.from_iterable(map(group.values_of, others)))
        options = [
            _option(group, value, query, counts[value]) for value in _values(group, entries, query)
        ]
        found.append(Facet(group.title, options))
    return found


def relaxations(entries: Sequence[FacetEntry], query: CatalogueQuery) -> list[Option]:
    """Return the chosen options whose removal gives results (`count`), the most results first."""
    options = [
        _option(group, value, query, len(narrow(entries, query.toggled(group.parameter, value))))
        for group in _GROUPS
        for value in query.values(group.parameter)
    ]
    return sorted((one for one in options if one.count), key=lambda one: -one.count)


def _values(group: _Group, entries: Iterable[FacetEntry], query: CatalogueQuery) -> list[str]:
    """Return the group's values, including chosen categories without exporters."""
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
