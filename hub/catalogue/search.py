"""The search: Postgres' full text, and trigrams for names that were misspelt.

The embedded Postgres has no pg_trgm, hence an array of trigrams under a GIN index.
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import CharField, F, FloatField, Func, IntegerField, Q, QuerySet, Value
from django.db.models.functions import Cast, Least

from hub.models import Exporter
from hub.names.search_terms import guessable, trigrams, tsquery

# The share of each typed word's trigrams that a name must have. It finds 99 % of the sample's 106
# names with one misspelt letter, among 1.1 names on average (tests/integration/test_search.py).
LIKE_ENOUGH = 0.5


def search(exporters: "QuerySet[Exporter]", text: str) -> "QuerySet[Exporter]":
    """Those of `exporters` that `text` finds, the best first.

    Annotated with `exact`: found by its words, not guessed.
    """
    if not tsquery(text):
        return exporters.annotate(exact=Value(False)).none()
    query, guesses = _query(text), guessable(text)
    return (
        exporters.annotate(
            exact=Q(words=query),
            rank=SearchRank(F("words"), query),
            alike=_all_alike(guesses),
        )
        .filter(Q(exact=True) | Q(trigrams__overlap=trigrams(text), alike__gte=LIKE_ENOUGH))
        .order_by("-exact", "-rank", "-alike", "title")
    )


def closest(
    exporters: "QuerySet[Exporter]", text: str, count: int = 5, *, at_least: float = 0.0
) -> "QuerySet[Exporter]":
    """The exporters whose names resemble `text` most, with a likeness of `at_least` (0 to 1)."""
    typed = trigrams(text)
    alike = exporters.filter(trigrams__overlap=typed).annotate(alike=_likeness(typed))
    return alike.filter(alike__gte=at_least).order_by("-alike", "title")[:count]


def _query(text: str) -> SearchQuery:
    """All words of `text`, as they are or by their stems."""
    simple, stems = (
        SearchQuery(tsquery(text), config=config, search_type="raw")
        for config in ("simple", "english")
    )
    return simple | stems


def _all_alike(words: list[list[str]]) -> Any:
    """The likeness of the least similar word."""
    alike = [_likeness(typed) for typed in words] or [Value(0.0)]
    return Least(*alike) if len(alike) > 1 else alike[0]


def _likeness(typed: list[str]) -> Any:
    """The share of the trigrams `typed` that a name has; one word of a long name is enough."""
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
