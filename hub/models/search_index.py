"""Update the search index: the columns `words` and `trigrams` of `Exporter`.

The embedded Postgres has no pg_trgm, so the trigrams are an array column with a GIN index.
"""

from typing import Any

from django.contrib.postgres.search import SearchVector
from django.db.models import F, Func, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Left

from hub.models.catalogue import Exporter
from hub.names.search_terms import trigrams

# Postgres limits a tsvector to 1 MB, so only the beginning of a README is indexed.
_README = 100_000  # characters


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
    named = list(exporters.only("pk", "title", "project_name", "slug"))
    for exporter in named:
        exporter.trigrams = trigrams(f"{exporter.title} {exporter.project_name} {exporter.slug}")
    manager.bulk_update(named, ["trigrams"], batch_size=1000)


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
