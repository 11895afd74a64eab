"""Read which metrics exporters export and use, with a verdict for each name that is used."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.db.models import CharField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Length

from hub.content.rules.files import directory_version
from hub.content.rules.metric_names import is_built_in
from hub.models import ContentName, ExporterContents
from hub.models.contents import name_words
from hub.names.search_terms import tsquery

_MIN_SEARCH_LENGTH = 3  # characters; fewer match thousands of names
_MAX_RANKED = 1_000  # names of which the best are chosen
_MAX_READ = 100  # of these, with their places
_MAX_FOUND = 5  # alerts, and metrics
_MAX_OTHERS = 5  # exporters that have a metric
_MAX_API_ROWS = 1_000


class MetricVerdict(StrEnum):
    """Where a metric comes from that content uses."""

    ABSENT = "not in the sample"
    UNKNOWN = "unknown"
    OTHER = "from another exporter"
    EXPORTED = "exported"
    DEFINED = "defined here"
    BUILT_IN = "built in"


@dataclass(frozen=True)
class MetricPlace:
    """A part of a file that uses a metric, or an alert. `kind` is a letter."""

    directory: str
    path: str
    kind: str
    what: str
    line: int

    @property
    def whole_path(self) -> str:
        """The path including the directory."""
        return f"{self.directory}/{self.path}"


@dataclass
class ExporterMetric:
    """A metric that an exporter exports or its content uses.

    `series`: the names of its time series. `others`: (slug or "", title) of the exporters, or the
    directories without one, that have it.
    """

    name: str
    verdict: MetricVerdict
    type: str = ""
    help: str = ""
    labels: list[str] = field(default_factory=list)
    series: list[str] = field(default_factory=list)
    uses: list[MetricPlace] = field(default_factory=list)
    others: list[tuple[str, str]] = field(default_factory=list)


def metrics_of(
    source: str, directories: Collection[str], version: str | None = None
) -> list[ExporterMetric]:
    """Return the metrics of an exporter's directories: used and not exported first.

    With a `version`, only samples and files of its folders, and those outside of such folders.
    """
    ordered, of_others = _own_and_others(source, directories)
    sampled = {
        of for row in ordered for of in row.versions if version is None or of in ("", version)
    }
    family_of = {row.name: row.family for row in ordered if not sampled.isdisjoint(row.versions)}
    # By name and whether a sample contains it: an OpenMetrics counter has the name of no series.
    found: dict[tuple[str, bool], ExporterMetric] = {}
    defined, compared = set[str](), set[str]()
    for row in ordered:
        uses = [
            place
            for place in _places(row)
            if version is None or directory_version(place.path) in ("", version)
        ]
        is_exported = row.name in family_of
        if not (is_exported or uses or row.defined):
            continue
        # The time series of a metric that a sample contains are one entry.
        name = family_of.get(row.name, row.name)
        verdict = MetricVerdict.EXPORTED if is_exported else MetricVerdict.UNKNOWN
        metric = found.setdefault((name, is_exported), ExporterMetric(name, verdict))
        metric.uses += [use for use in uses if use not in metric.uses]
        if any(_is_compared(use, sampled) for use in uses):
            compared.add(name)
        if is_exported:
            metric.series = sorted({*metric.series, row.name})
        if row.type:
            metric.type, metric.help, metric.labels = row.type, row.help, row.labels
        if row.defined:
            defined.add(name)
    unresolved = [metric for (_, is_exported), metric in found.items() if not is_exported]
    others = _exporters_of(of_others)
    for metric in unresolved:
        if metric.name not in defined and not is_built_in(metric.name):
            metric.others = others.get(metric.name, [])
        metric.verdict = _verdict(metric, defined, compared)
    ranks = list(MetricVerdict)
    return sorted(
        found.values(), key=lambda each: (ranks.index(each.verdict), not each.uses, each.name)
    )


def _is_compared(use: MetricPlace, sampled: Collection[str]) -> bool:
    """Whether one of the versions with samples ("" for all versions) counts for a file."""
    version = directory_version(use.path)
    return bool(sampled) and (not version or "" in sampled or version in sampled)


def _verdict(
    metric: ExporterMetric, defined: Collection[str], compared: Collection[str]
) -> MetricVerdict:
    """Return the verdict for a metric that no sample of the exporter contains."""
    if metric.name in defined:
        return MetricVerdict.DEFINED
    if is_built_in(metric.name):
        return MetricVerdict.BUILT_IN
    if metric.others:
        return MetricVerdict.OTHER
    return MetricVerdict.ABSENT if metric.name in compared else MetricVerdict.UNKNOWN


def _places(row: ContentName) -> list[MetricPlace]:
    return [MetricPlace(row.directory, *use) for use in row.uses]


def _own_and_others(source: str, directories: Collection[str]) -> tuple[list[Any], list[Any]]:
    """Return the metrics of the directories, and those that they use and other directories have.

    The latter have `slug` and `title` of their exporter. One query.
    """
    metrics = ContentName.objects.filter(source=source, is_alert=False)
    own = metrics.filter(directory__in=directories)
    has = Q(exported=True) | Q(defined=True)
    used_elsewhere = metrics.filter(has, name__in=own.filter(used=True).values("name"))
    others = _with_owner(used_elsewhere.exclude(directory__in=directories), source)
    nobody = Value(None, output_field=CharField())
    rows = own.annotate(slug=nobody, title=nobody).union(others, all=True)
    found: tuple[list[Any], list[Any]] = ([], [])
    for row in rows.order_by("name", "directory"):
        found[row.directory not in directories].append(row)
    return found


def _exporters_of(rows: Iterable[Any]) -> dict[str, list[tuple[str, str]]]:
    """Return name → the exporters, or the directories without one, that have the metric."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        owner = (row.slug, row.title) if row.slug else ("", row.directory)
        others = found.setdefault(row.name, [])
        if owner not in others and len(others) < _MAX_OTHERS:
            others.append(owner)
    return found


def _with_owner(rows: QuerySet[ContentName], source: str) -> QuerySet[Any]:
    """Annotate the rows with `slug` and `title` of the directory's exporter; None without one."""
    owner = ExporterContents.objects.filter(
        source=source, directory=OuterRef("directory"), exporter__isnull=False
    )
    return rows.annotate(
        slug=Subquery(owner.values("exporter__slug")),
        title=Subquery(owner.values("exporter__title")),
    )


def exporters_with(source: str, name: str) -> list[dict[str, Any]]:
    """Return the directories that export, define or use a metric, as JSON-ready values."""
    named = ContentName.objects.filter(source=source, name=name, is_alert=False)
    rows = _with_owner(named, source).order_by("directory")[:_MAX_API_ROWS]
    return [
        {
            "directory": row.directory,
            "exporter": row.slug,
            "exported": row.exported,
            "defined": row.defined,
            "used": row.used,
            "type": row.type or None,
            "help": row.help,
            "uses": [_described(place) for place in _places(row)],
        }
        for row in rows
    ]


def describe_metrics(source: str, directories: Collection[str]) -> list[dict[str, Any]]:
    """Return the metrics of an exporter's directories as JSON-ready values."""
    return [
        {
            "name": metric.name,
            "verdict": metric.verdict,
            "type": metric.type or None,
            "help": metric.help,
            "labels": metric.labels,
            "series": metric.series,
            "others": [slug or title for slug, title in metric.others],
            "uses": [_described(place) for place in metric.uses],
        }
        for metric in metrics_of(source, directories)
    ]


def _described(place: MetricPlace) -> dict[str, Any]:
    return {"path": place.whole_path, "line": place.line, "what": place.what}


@dataclass(frozen=True)
class FoundName:
    """A metric or an alert that the search found in an exporter's content."""

    name: str
    is_alert: bool
    exported: bool
    slug: str
    title: str
    place: MetricPlace | None  # of an alert


def find_names(source: str, text: str) -> list[FoundName]:
    """Return the metrics and alerts whose names contain the words, best first. One query."""
    words = tsquery(text)
    if not words or len(text) < _MIN_SEARCH_LENGTH:
        return []
    query = SearchQuery(words, config="simple", search_type="raw")
    names = ContentName.objects.annotate(found=name_words()).filter(source=source, found=query)
    ranked = ContentName.objects.filter(pk__in=names.values("pk")[:_MAX_RANKED])
    rows = (
        _with_owner(ranked, source)
        .filter(slug__isnull=False)
        .annotate(is_whole=Q(name__iexact=text))
        .order_by("-is_whole", "-exported", Length("name"), "name", "directory", "pk")
    )
    # An exporter may have several directories, and versions of a file in each.
    found = {
        (row.is_alert, row.name, row.slug): FoundName(
            name=row.name,
            is_alert=row.is_alert,
            exported=row.exported,
            slug=row.slug,
            title=row.title,
            place=next(iter(_places(row)), None) if row.is_alert else None,
        )
        for row in reversed(rows[:_MAX_READ])
    }
    best = list(reversed(found.values()))
    alerts = [each for each in best if each.is_alert][:_MAX_FOUND]
    return alerts + [each for each in best if not each.is_alert][:_MAX_FOUND]
