"""Update the search index: the columns `words` and `trigrams` of `Exporter`.

The embedded Postgres has no pg_trgm, so the trigrams are an array column with a GIN index.
"""

import json
from typing import Any

from django.contrib.postgres.search import SearchVector
from django.db import connection
from django.db.models import F, Func, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Left

from hub.models.catalogue import Exporter
from hub.names.search_terms import trigrams

# Postgres limits a tsvector to 1 MB, so only the beginning of a README is indexed.
_README = 100_000  # characters
# All rows in one parameter, because `bulk_update` takes ten times as long.
_SET_TRIGRAMS = f"""
    UPDATE {Exporter._meta.db_table}
    SET trigrams = ARRAY(SELECT jsonb_array_elements_text(found.trigrams))
    FROM jsonb_each(%s) AS found (pk, trigrams) WHERE id = found.pk::bigint
"""  # noqa: S608 — the names are the model's


def reindex(exporters: "QuerySet[Exporter]") -> None:
    """Update `words` and `trigrams` of `exporters`. Call it after `bulk_create` or `update`.

    `hub.signals` calls it when an `Exporter`, its `Readme` or its `Category` is saved.
    """
    manager = exporters.model._default_manager  # a migration's model has no `objects`
    exporters.update(
        words=Subquery(
            manager.filter(pk=OuterRef("pk")).annotate(vector=_vector()).values("vector")
        )
    )
    names = exporters.values_list("pk", "title", "project_name", "slug")
    found = {pk: trigrams(" ".join(each)) for pk, *each in names}
    with connection.cursor() as cursor:
        cursor.execute(_SET_TRIGRAMS, [json.dumps(found)])


def _vector() -> Any:
    """Weigh the names (A), slug, repository and category (B), description (C) and README (D).

    Names are indexed unstemmed ("simple"), so that a prefix matches while the user types; sentences
    are also indexed by their stems ("databases" finds "database").
    """
    return (
        SearchVector(*map(_words, ("title", "project_name")), weight="A", config="simple")
        + SearchVector(
            *map(_words, ("slug", "repository")), "category__name", weight="B", config="simple"
        )
        + SearchVector("description", weight="C", config="simple")
        + SearchVector("description", "category__name", weight="C", config="english")
        + SearchVector(Left("readme__text", _README), weight="D", config="english")
    )


def _words(field: str) -> Func:
    """Split a name at punctuation: snmp_exporter and Argo/CD are two words each."""
    return Func(F(field), Value("_-./:"), Value("     "), function="translate")
