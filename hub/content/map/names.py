"""Write each directory's names, and the numbers of its items and findings, for search and pages."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Subquery, TextField, Value
from django.db.models.functions import Cast, Concat

from hub.content.content_files import newest_first
from hub.content.judgement import RULES_VERSION
from hub.content.rules.fit import FIT, Fit, shown_name
from hub.content.rules.report import Level
from hub.models import ContentName, ContentTree, ExporterContents

_BATCH = 100  # directories: with 200 names each, 10 MB
_MAX_NAME_LENGTH = 210
_FIELDS = [field for field in ContentName._meta.concrete_fields if not field.primary_key]
_DEFAULTS = {field.name: field.get_default() for field in _FIELDS}
_COLUMNS = ", ".join(_DEFAULTS)
# All rows in one parameter, because models take three times as long: 0.15 ms for each row, so half
# a minute for 10,000 directories with 25 names each.
_INSERT = f"""
    INSERT INTO {ContentName._meta.db_table} ({_COLUMNS})
    SELECT {_COLUMNS} FROM jsonb_populate_recordset(NULL::{ContentName._meta.db_table}, %s)
"""  # noqa: S608 — the names are the model's

# Also in one parameter: `bulk_update` takes most of the time of a publication.
_UPDATE = f"""
    UPDATE {ExporterContents._meta.db_table} AS contents
    SET names_of = new.names_of, counts = new.counts,
        errors = new.errors, warnings = new.warnings, notes = new.notes,
        metrics_checked = new.metrics_checked, metrics_fitting = new.metrics_fitting
    FROM jsonb_to_recordset(%s) AS new (directory text, names_of text, counts jsonb,
        errors integer, warnings integer, notes integer,
        metrics_checked integer, metrics_fitting integer)
    WHERE contents.source = %s AND contents.directory = new.directory
"""  # noqa: S608 — the names are the model's


def forget_names(source: str) -> None:
    """Have the next publication write the names of all directories again."""
    ExporterContents.objects.filter(source=source).update(names_of=None)


def write_names(source: str) -> None:
    """Write the names and numbers for the directories whose tree or judgement changed."""
    outdated = _outdated(source)
    for start in range(0, len(outdated), _BATCH):
        _write_batch(source, outdated[start : start + _BATCH])


def _outdated(source: str) -> list[tuple[str, str, str]]:
    """Return the directory, the tree's SHA and the new `names_of` of the rows to write."""
    # Most rows are current without a look at their trees, which takes 12 ms for 10,000.
    current = Concat("tree_sha", Value(f":{RULES_VERSION}"))
    rows = ExporterContents.objects.filter(source=source).exclude(names_of=current).order_by()
    rules_of = ContentTree.objects.filter(pk=OuterRef("tree_sha"), fit__isnull=False)
    columns = ("directory", "tree_sha", "names_of", Subquery(rules_of.values("rules")))
    return [
        (directory, sha, names_of)
        for directory, sha, last_names_of, rules in rows.values_list(*columns)
        if rules is not None and last_names_of != (names_of := f"{sha}:{rules}")
    ]


def _write_batch(source: str, outdated: list[tuple[str, str, str]]) -> None:
    trees = ContentTree.objects.filter(pk__in={sha for _, sha, _ in outdated})
    judged = {
        sha: (FIT.validate_json(fit), default_counts(counts or {}), _by_level(findings))
        for sha, fit, counts, findings in trees.values_list(
            "sha", Cast("fit", TextField()), "judgement__counts", "judgement__findings"
        )
    }
    directories = {directory: (*judged[sha], names_of) for directory, sha, names_of in outdated}
    ContentName.objects.filter(source=source, directory__in=directories).delete()
    names = [
        _DEFAULTS | {"source": source, "directory": directory} | values
        for directory, (fit, *_) in directories.items()
        for values in _names_in(fit)
    ]
    rows = [
        {
            "directory": directory,
            "names_of": names_of,
            "counts": counts,
            "errors": findings[Level.ERROR],
            "warnings": findings[Level.WARNING],
            "notes": findings[Level.NOTE],
            "metrics_checked": fit.checked if fit.samples else None,
            "metrics_fitting": fit.fitting if fit.samples else None,
        }
        for directory, (fit, counts, findings, names_of) in directories.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [json.dumps(names)])
        cursor.execute(_UPDATE, [json.dumps(rows), source])


def default_counts(counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return letter → number of items in the newest version and outside of versions.

    `counts` as in `Judgement`.
    """
    versions = {version for each in counts.values() for version in each if version}
    shown = {"", *newest_first(versions)[:1]}
    return {
        letter: sum(number for version, number in each.items() if version in shown)
        for letter, each in counts.items()
    }


def _by_level(findings: Iterable[Mapping[str, str]]) -> Counter[str]:
    return Counter(finding["level"] for finding in findings)


def _names_in(fit: Fit) -> Iterator[dict[str, Any]]:
    """Yield the values of each row: metrics, and alerts by name with all their places."""
    # A name in quotes may be the same as a shown pattern.
    metrics = {shown_name(metric.name): metric for metric in fit.metrics}
    for name, metric in metrics.items():
        if len(name) > _MAX_NAME_LENGTH:
            continue  # a long pattern
        yield {
            "name": name,
            "family": metric.family,
            "type": metric.type,
            "help": metric.help,
            "labels": metric.labels,
            "exported": bool(metric.versions),
            "defined": metric.defined,
            "used": bool(metric.uses),
            "versions": metric.versions,
            "uses": [list(vars(use).values()) for use in metric.uses],
        }
    places: dict[str, list[list[Any]]] = {}
    for alert in fit.alerts:
        places.setdefault(alert.what, []).append(list(vars(alert).values()))
    for name, uses in places.items():
        yield {"name": name, "is_alert": True, "uses": uses}
