"""The catalogue's filters, with the number of matching exporters for each option. No I/O."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from hub.catalogue.query import FLAGS, CatalogueQuery
from hub.content.kinds import KINDS, Kind


class FacetEntry(NamedTuple):  # there are thousands, and a dataclass takes three times as long
    """The fields of an exporter that the filters use."""

    pk: int
    category: str
    official: bool = False
    updated: bool = False
    has: frozenset[str] = frozenset()  # letters of kinds
    usable: frozenset[str] = frozenset()

    @property
    def ready(self) -> bool:
        """Whether any content is usable."""
        return bool(self.usable)


@dataclass(frozen=True)
class Option:
    """An option of a filter, with the number of exporters that match it."""

    facet: str
    label: str
    count: int
    chosen: bool
    query: CatalogueQuery  # with the option chosen
    without: CatalogueQuery  # with the option not chosen

    @property
    def toggled(self) -> CatalogueQuery:
        """The query after a click on the option."""
        return self.without if self.chosen else self.query


@dataclass(frozen=True)
class Facet:
    """A filter: a title and its options.

    `one_of`: only one option can be chosen. `hint`: what the title means.
    """

    title: str
    options: list[Option]
    one_of: bool = False
    hint: str = ""

    @property
    def chosen(self) -> bool:
        """Whether an option is chosen."""
        return any(option.chosen for option in self.options)

    @property
    def without(self) -> CatalogueQuery:
        """The query without this filter, if only one option can be chosen."""
        return self.options[0].without


UPDATED_WITHIN = timedelta(days=90)
_STATES = {"has": "Present", "usable": "Usable"}
_FLAG_LABELS = {
    "official": ("Maintained by", "Prometheus team"),
    "updated": ("Updated", f"In the last {UPDATED_WITHIN.days} days"),
}


def narrow(entries: Iterable[FacetEntry], query: CatalogueQuery) -> list[FacetEntry]:
    """Return the entries that match all filters of `query`, in their order."""
    matches = list(entries)
    if query.has or query.usable:
        has, usable = frozenset(query.has), frozenset(query.usable)
        matches = [one for one in matches if one.has >= has and one.usable >= usable]
    if query.category:
        matches = [one for one in matches if one.category in query.category]
    for flag in FLAGS:
        if getattr(query, flag):
            matches = [one for one in matches if getattr(one, flag)]
    return matches


def facets(entries: Sequence[FacetEntry], query: CatalogueQuery) -> list[Facet]:
    """Return all filters. Each option is counted with the other filters applied."""
    narrowed = narrow(entries, query)
    return [
        *(_kind_facet(kind, entries, query) for kind in KINDS),
        *(_flag_facet(name, narrowed, query) for name in _FLAG_LABELS),
        _category_facet(entries, query),
    ]


def ready_switch(entries: Sequence[FacetEntry], query: CatalogueQuery) -> list[Option]:
    """Return the two options of the switch: only exporters that are ready to use, or all."""
    all_query = query.toggled("ready") if query.ready else query
    others = narrow(entries, all_query)
    ready_query = all_query.toggled("ready")
    count = sum(entry.ready for entry in others)
    return [
        Option("", "Ready to use", count, query.ready, ready_query, all_query),
        Option("", "All", len(others), not query.ready, all_query, ready_query),
    ]


def relaxations(entries: Sequence[FacetEntry], query: CatalogueQuery) -> list[Option]:
    """Return the chosen options whose removal gives results, the most results first.

    `count` is the number of these results.
    """
    options = [
        Option(one.facet, one.label, len(found), True, one.query, one.without)
        for facet in [*facets(entries, query), Facet("", ready_switch(entries, query)[:1])]
        for one in facet.options
        if one.chosen and (found := narrow(entries, one.without))
    ]
    return sorted(options, key=lambda one: -one.count)


def _kind_facet(kind: Kind, entries: Sequence[FacetEntry], query: CatalogueQuery) -> Facet:
    any_state = query.with_state(kind.letter, "")
    others = narrow(entries, any_state)
    chosen = query.state_of(kind.letter)
    options = [
        Option(
            facet=kind.label,
            label=label,
            count=sum(kind.letter in getattr(entry, state) for entry in others),
            chosen=state == chosen,
            query=query.with_state(kind.letter, state),
            without=any_state,
        )
        for state, label in _STATES.items()
    ]
    return Facet(kind.label, options, one_of=True, hint=kind.present)


def _flag_facet(name: str, narrowed: Sequence[FacetEntry], query: CatalogueQuery) -> Facet:
    title, label = _FLAG_LABELS[name]
    count = sum(getattr(entry, name) for entry in narrowed)
    chosen, other = getattr(query, name), query.toggled(name)
    pair = (query, other) if chosen else (other, query)
    return Facet(title, [Option(title, label, count, chosen, *pair)])


def _category_facet(entries: Sequence[FacetEntry], query: CatalogueQuery) -> Facet:
    """Return the categories; those that are chosen are listed even without exporters."""
    others = narrow(entries, query.without_categories())
    counts = Counter(entry.category for entry in others)
    names = sorted({entry.category for entry in entries} | {*query.category}, key=str.casefold)
    options = []
    for name in names:
        chosen, other = name in query.category, query.with_category(name)
        pair = (query, other) if chosen else (other, query)
        options.append(Option("Category", name, counts[name], chosen, *pair))
    return Facet("Category", options)
