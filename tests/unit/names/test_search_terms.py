"""Splitting text into search terms."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub.names.search_terms import MAX_QUERY_LENGTH, clean, fuzzy_terms, trigrams, tsquery, words


def test_clean_removes_control_characters_and_whitespace() -> None:
    assert clean("  redis\x00\n\texporter  ") == "redis exporter"
    assert clean("x" * 10_000) == "x" * MAX_QUERY_LENGTH


def test_words_ignore_case_accents_and_punctuation() -> None:
    assert words("Kube-State_Metrics, kube ÉCLAIR X.509") == [
        "kube",
        "state",
        "metrics",
        "eclair",
        "x",
        "509",
    ]


def test_filler_words_are_used_only_without_other_words() -> None:
    assert tsquery("redis exporter") == "'redis':*"
    assert tsquery("exporter") == "'exporter':*"
    assert tsquery("'\"&|!()<->:*") == ""


def test_two_swapped_letters_cost_one_trigram() -> None:
    assert len(set(trigrams("redsi")) & set(trigrams("redis"))) == len(trigrams("redis")) - 1


def test_short_words_are_not_fuzzy_terms() -> None:
    assert fuzzy_terms("go") == fuzzy_terms("") == []
    assert fuzzy_terms("go redis") == [trigrams("redis")]


@settings(deadline=None)  # the first example includes one-time setup
@given(st.text())
@example("pg & redis")
def test_any_text_adds_no_operators_to_the_query(text: str) -> None:
    query = tsquery(text)
    word = r"'[^\W_]+':\*"
    for term in query.split(" & ") if query else []:
        assert re.fullmatch(rf"{word}|\({word} \| {word}\)", term)  # the latter: with a synonym
    assert all(len(gram) == 3 for gram in trigrams(text))
