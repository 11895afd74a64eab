"""Filters of the catalogue and their counts."""

from hub.catalogue.facets import FacetEntry, facets, narrow, ready_switch, relaxations
from hub.catalogue.query import CatalogueQuery

ENTRIES = [
    FacetEntry(1, "Database", official=True, has=frozenset("IAG"), usable=frozenset("AG")),
    FacetEntry(2, "Database", updated=True, has=frozenset("A")),
    FacetEntry(3, "Web", has=frozenset("AG"), usable=frozenset("A")),
    FacetEntry(4, "Cloud"),
]


def left(query: CatalogueQuery) -> list[int]:
    return [entry.pk for entry in narrow(ENTRIES, query)]


def counts(query: CatalogueQuery) -> dict[str, dict[str, int]]:
    return {
        facet.title: {option.label: option.count for option in facet.options}
        for facet in facets(ENTRIES, query)
    }


def test_filters_combine() -> None:
    assert left(CatalogueQuery()) == [1, 2, 3, 4]
    assert left(CatalogueQuery(has=("A", "G"))) == [1, 3]
    assert left(CatalogueQuery(usable=("A",), category=("Web",))) == [3]
    assert left(CatalogueQuery(official=True, updated=True)) == []


def test_several_categories_add_results() -> None:
    assert left(CatalogueQuery(category=("Web", "Cloud"))) == [3, 4]


def test_each_option_is_counted_under_the_other_filters() -> None:
    here = counts(CatalogueQuery(category=("Web",), has=("A",)))
    # the other categories under "has A", not under "Web"
    assert here["Category"] == {"Cloud": 0, "Database": 2, "Web": 1}
    assert here["Helm"] == {"Present": 0, "Usable": 0}
    # each state of a kind instead of the chosen one
    assert here["Alerting rules"] == {"Present": 1, "Usable": 1}
    assert here["Grafana dashboard"] == {"Present": 1, "Usable": 0}
    assert here["Maintained by"] == {"Prometheus team": 0}


def test_a_count_is_the_number_of_results_of_the_option() -> None:
    for query in (
        CatalogueQuery(),
        CatalogueQuery(usable=("A",)),
        CatalogueQuery(category=("Database",), updated=True),
    ):
        for facet in facets(ENTRIES, query):
            for option in facet.options:
                if not option.chosen and not (facet.title == "Category" and query.category):
                    assert option.count == len(narrow(ENTRIES, option.toggled))


def test_the_switch_counts_what_is_ready_to_use() -> None:
    for query in (CatalogueQuery(), CatalogueQuery(ready=True), CatalogueQuery(has=("A",))):
        ready, everything = ready_switch(ENTRIES, query)
        assert (ready.count, everything.count) == (2, 3 if query.has else 4)
        assert (ready.chosen, everything.chosen) == (query.ready, not query.ready)
        assert len(narrow(ENTRIES, ready.query)) == ready.count
        assert len(narrow(ENTRIES, everything.query)) == everything.count


def test_a_chosen_category_without_exporters_can_be_removed() -> None:
    assert counts(CatalogueQuery(category=("Gone",)))["Category"]["Gone"] == 0


def test_relaxations_of_an_empty_result() -> None:
    ways = relaxations(ENTRIES, CatalogueQuery(category=("Cloud",), has=("A",)))
    assert [(way.facet, way.label, way.count) for way in ways] == [
        ("Category", "Cloud", 3),
        ("Alerting rules", "Present", 1),
    ]
    assert ways[0].without == CatalogueQuery(has=("A",))
