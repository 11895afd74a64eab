"""The search index: the columns `words` and `trigrams` of an exporter.

The embedded Postgres has no pg_trgm, hence an array of trigrams under a GIN index.
"""

from typing import Any

from django.contrib.postgres.search import SearchVector
from django.db.models import F, Func, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Left

from hub.models.catalogue import Exporter
from hub.names.search_terms import trigrams

# Postgres limits a tsvector to 1 MB, and a README may be longer: its beginning is enough.
_README = 100_000  # characters


def reindex(exporters: "QuerySet[Exporter]") -> None:
    """Update `words` and `trigrams` of these rows: after `bulk_create` or `update` of a name.

    Saving an `Exporter`, its `Readme` or its `Category` does so (`hub.signals`).
    """
    everyone = exporters.model._default_manager  # a migration's model has no `objects`
    exporters.update(
        words=Subquery(
            everyone.filter(pk=OuterRef("pk")).annotate(found_by=_vector()).values("found_by")
        )
    )
    named = list(exporters.only("pk", "title", "project_name", "slug"))
    for exporter in named:
        exporter.trigrams = trigrams(f"{exporter.title} {exporter.project_name} {exporter.slug}")
    everyone.bulk_update(named, ["trigrams"], batch_size=1000)


def _vector() -> Any:
    """Weighted: names (A), slug, repository and category (B), description (C), README (D).

    Names are indexed as they are ("simple"), because the beginning of a word has to match while
    somebody types; sentences also by their stems ("databases" finds "database").
    """
    return (
        SearchVector(*map(_parted, ("title", "project_name")), weight="A", config="simple")
        + SearchVector(
            *map(_parted, ("slug", "repository")), "category__name", weight="B", config="simple"
        )
        + SearchVector("description", weight="C", config="simple")
        + SearchVector("description", "category__name", weight="C", config="english")
        + SearchVector(Left("readme__text", _README), weight="D", config="english")
    )


def _parted(field: str) -> Func:
    """A name in the parts that people type: snmp_exporter and Argo/CD are two words each."""
    return Func(F(field), Value("_-./:"), Value("     "), function="translate")
