"""Search the catalogue: Postgres full-text search, and trigrams for misspelt names.

The embedded Postgres has no pg_trgm, so the trigrams are an array column with a GIN index.
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import CharField, F, FloatField, Func, IntegerField, Q, QuerySet, Value
from django.db.models.functions import Cast, Least

from hub.models import Exporter
from hub.names.search_terms import fuzzy_terms, trigrams, tsquery

# The minimum share of a word's trigrams that a name must contain. With one misspelt letter,
# 99 % of the sample's 106 names are found, in 1.1 results on average (see test_search.py).
MIN_SIMILARITY = 0.5


def search(exporters: "QuerySet[Exporter]", text: str) -> "QuerySet[Exporter]":
    """Return the matches of `text`, best first; `exact` is false if only the name is similar."""
    words = tsquery(text)
    if not words:
        return exporters.annotate(exact=Value(False)).none()
    unchanged = SearchQuery(words, config="simple", search_type="raw")
    query = unchanged | SearchQuery(words, config="english", search_type="raw")  # stemmed
    return (
        exporters.annotate(
            exact=Q(words=query),
            rank=SearchRank(F("words"), query),
            similarity=_lowest_similarity(fuzzy_terms(text)),
        )
        .filter(Q(exact=True) | Q(trigrams__overlap=trigrams(text), similarity__gte=MIN_SIMILARITY))
        .order_by("-exact", "-rank", "-similarity", "title")
    )


def closest(
    exporters: "QuerySet[Exporter]", text: str, count: int = 5, *, at_least: float = 0.0
) -> "QuerySet[Exporter]":
    """Return the exporters with the most similar names, of a similarity `at_least` (0 to 1)."""
    typed = trigrams(text)
    similar = exporters.filter(trigrams__overlap=typed).annotate(similarity=_similarity(typed))
    return similar.filter(similarity__gte=at_least).order_by("-similarity", "title")[:count]


def _lowest_similarity(words: list[list[str]]) -> Any:
    """Return the similarity of the least similar word."""
    found = [_similarity(typed) for typed in words] or [Value(0.0)]
    return Least(*found) if len(found) > 1 else found[0]


def _similarity(typed: list[str]) -> Any:
    """Return the share of the trigrams `typed` in a name, which may have other words."""
    if not typed:
        return Value(0.0)
    shared = Func(
        F("trigrams"),
        Value(typed, output_field=ArrayField(CharField(max_length=3))),
        template="cardinality(ARRAY(SELECT unnest(%(expressions)s)))",
        arg_joiner=") INTERSECT SELECT unnest(",
        output_field=IntegerField(),
    )
    return Cast(shared, FloatField()) / Value(float(len(typed)))
