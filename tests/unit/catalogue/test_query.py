"""Parsing and building the query string of the catalogue."""

from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.catalogue.query import SORTS, CatalogueQuery, parse_query
from hub.content.kinds import LETTERS


def of(query: str) -> CatalogueQuery:
    return parse_query(QueryDict(query))[0]


def notices(query: str) -> list[str]:
    return parse_query(QueryDict(query))[1]


def test_default_values_are_not_in_the_query_string() -> None:
    for empty in ("", "q=&category=&has=&sort=&page=", "page=1&sort=popular", "utm_source=x"):
        assert of(empty).query_string == ""
        assert notices(empty) == []


def test_the_canonical_form() -> None:
    mixed = "page=2&has=G&category=Web&official=1&has=A&has=A&category=cloud&q= redis  x "
    assert of(mixed).query_string == (
        "?q=redis+x&category=cloud&category=Web&has=A&has=G&official=1&page=2"
    )


def test_invalid_values_are_ignored_with_a_message() -> None:
    query, notes = parse_query(QueryDict("has=X&usable=A&official=yes&sort=size&page=-1"))
    assert query == CatalogueQuery(usable=("A",))
    assert len(notes) == 4
    assert "“X” is not a value of “has”: use I or A or G." in notes


def test_relevance_is_only_for_searches() -> None:
    assert of("q=redis").order == "relevance"
    assert of("sort=relevance").order == "popular"
    assert of("q=redis&sort=popular").query_string == "?q=redis&sort=popular"
    assert of("q=redis&sort=relevance").query_string == "?q=redis"


def test_toggling_a_filter_returns_to_the_first_page() -> None:
    query = CatalogueQuery(q="redis", page=3)
    set_ = query.with_state("G", "has").with_state("A", "has").toggled("official")
    assert set_.query_string == "?q=redis&has=A&has=G&official=1"
    assert set_.with_state("G", "").toggled("official").query_string == "?q=redis&has=A"
    assert query.toggled("ready").query_string == "?q=redis&ready=1"
    assert query.with_category("Web").with_category("Web").query_string == "?q=redis"
    assert set_.without_filters().query_string == ""
    assert (
        CatalogueQuery(category=("A",), sort="name").without_filters().query_string == "?sort=name"
    )


def test_a_kind_has_one_of_three_states() -> None:
    query = of("has=A&usable=A&usable=G")
    assert query.query_string == "?usable=A&usable=G"
    assert [query.state_of(letter) for letter in LETTERS] == ["", "usable", "usable"]
    assert query.with_state("A", "has").query_string == "?has=A&usable=G"
    assert query.with_state("A", "").query_string == "?usable=G"


@settings(deadline=None)  # the first example includes one-time setup
@given(
    st.builds(
        CatalogueQuery,
        q=st.text(max_size=300),
        category=st.lists(st.text(max_size=80), max_size=3).map(tuple),
        has=st.lists(st.sampled_from(LETTERS)).map(tuple),
        usable=st.lists(st.sampled_from(LETTERS)).map(tuple),
        ready=st.booleans(),
        official=st.booleans(),
        updated=st.booleans(),
        sort=st.sampled_from(["", *SORTS]),
        page=st.integers(1, 999_999),
    )
)
def test_a_canonical_query_string_is_stable(query: CatalogueQuery) -> None:
    first = of(query.query_string[1:])
    assert of(first.query_string[1:]) == first
    assert notices(first.query_string[1:]) == []
