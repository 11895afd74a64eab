"""Print, as JSON, all lists of content kinds with another registry.

The registry has a fourth kind, another order and other labels. It is set before any list is built.
"""

import json
import sys
from types import SimpleNamespace
from typing import Any

import django

from hub.content import kinds
from hub.content.rules.judges import Verdict


def _judge(file: Any, _chart: Any) -> Verdict:
    return Verdict(present=file.name == "runbook.yaml", usable=True)


RUNBOOK = kinds.Kind(
    letter="R",
    field="runbook",
    label="Runbook",
    short_label="Book",
    present="A runbook.",
    usable="It can be followed.",
    judge=_judge,
    tab=kinds.KindTab("runbooks", "Runbooks"),
)


def _lists() -> dict[str, Any]:
    from django.contrib import admin
    from django.urls import resolve, reverse

    from hub.catalogue.facets import facets
    from hub.catalogue.query import CatalogueQuery
    from hub.content.judgement import judge_directory
    from hub.models import ExporterContents
    from hub.web.api.endpoints import api
    from hub.web.pages.badges import badges_of
    from hub.web.pages.exporter import TABS
    from hub.web.pages.grid import GridQuery, columns, csv_lines

    document = json.loads(json.dumps(api.get_openapi_schema()))
    schemas = document["components"]["schemas"]
    query = CatalogueQuery().with_state("G", "has").with_state("R", "usable")
    row = SimpleNamespace(runbook=True, runbook_usable=True, counts=None)
    for kind in kinds.KINDS[1:]:
        vars(row).update({kind.field: False, kind.usable_field: False})
    contents = admin.site.get_model_admin(ExporterContents)
    return {
        "badges": [badge.words for badge in badges_of([row], known=True)],  # type: ignore[list-item]
        "facets": {
            facet.title: [option.label for option in facet.options] for facet in facets([], query)
        },
        "query": query.query_string,
        "grid": [(head.letter, head.short_label, head.label) for head in columns([], GridQuery())],
        "csv": next(csv_lines([])),
        "description": document["info"]["description"],
        "schemas": {
            name: [field for field in schemas[name]["properties"] if len(field) == 1]
            for name in ("KindsOut", "UsableOut", "DirectoryOut", "ExporterOut")
        },
        "described": [
            schemas[name]["properties"]["R"]["description"] for name in ("KindsOut", "UsableOut")
        ],
        "admin": [column.short_description for column in contents.list_display if callable(column)],
        "admin filters": [name for name in contents.list_filter if "runbook" in name],
        "tabs": [tab.label for tab in TABS],
        "address": reverse("exporter_runbooks", args=["redis"]),
        "resolved": resolve("/exporters/redis/runbooks").url_name,
        "evidence": judge_directory({"runbook.yaml": None}).evidence(),
    }


if __name__ == "__main__":
    kinds.KINDS = (RUNBOOK, *reversed(kinds.KINDS))  # type: ignore[assignment]
    kinds.LETTERS = tuple(kind.letter for kind in kinds.KINDS)  # type: ignore[assignment]
    django.setup()
    json.dump(_lists(), sys.stdout)
