"""The report about one file, as dataclasses that Postgres stores as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import partialmethod
from typing import Any

from pydantic import TypeAdapter, ValidationError

_MAX_REASON_LENGTH = 500


class Level(StrEnum):
    """The severity of a finding. An error means that Prometheus, Grafana or Helm would fail."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class About(StrEnum):
    """The subject of a finding: the file as a whole, or one kind of content in it."""

    FILE = "file"
    ALERTS = "alerts"
    DASHBOARD = "dashboard"
    MANIFEST = "manifest"
    CHART = "chart"
    METRICS = "metrics"


@dataclass(frozen=True)
class Finding:
    """A problem in a line (counted from 1), with a reason for the file's author.

    `needs`: the versions that the content needs, such as `Prometheus >= 2.53`.
    """

    level: Level
    about: About
    line: int
    reason: str
    path: str = ""  # of the file or folder; "" inside a report, which is about one file
    needs: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Finding":
        """Return the finding, without fields that only a newer version of the hub knows."""
        return cls(**{field.name: data[field.name] for field in fields(cls) if field.name in data})


class Findings(list[Finding]):
    """Findings about one subject, at most `most` of them."""

    def __init__(self, about: About, most: int = 100) -> None:
        super().__init__()
        self._about, self._most = about, most

    def add(self, level: Level, line: int, reason: str, *, needs: str = "") -> None:
        """Add a finding, unless there are too many."""
        if len(self) < self._most:
            reason = reason[:_MAX_REASON_LENGTH]
            self.append(Finding(level, self._about, line, reason, needs=needs))

    error = partialmethod(add, Level.ERROR)
    warning = partialmethod(add, Level.WARNING)
    note = partialmethod(add, Level.NOTE)


class AlertsForm(StrEnum):
    """The form of the alerting rules in a file. Tools can load only the first two directly."""

    GROUPS = "groups"  # a Prometheus rule file
    RESOURCE = "resource"  # a PrometheusRule, or a ConfigMap that contains a rule file
    FRAGMENT = "fragment"  # a list of groups or rules, to be pasted below `groups:`
    NESTED = "nested"  # below other keys, such as in a chart's values
    MAPPED = "mapped"  # nested, as values of a mapping instead of a list
    RENDERED = "rendered"  # nested, with template actions that only a chart can render
    TEMPLATE = "template"  # a Helm template, parsed without its actions


NESTED_FORMS = frozenset({AlertsForm.NESTED, AlertsForm.MAPPED, AlertsForm.RENDERED})


@dataclass(frozen=True)
class Alert:
    """One alerting rule. `for_` is a duration such as `5m`."""

    name: str
    expr: str = ""
    for_: str = ""
    severity: str = ""
    summary: str = ""
    group: str = ""
    line: int = 1
    metrics: tuple[str, ...] = ()  # what the expression uses, as `promql.Checked.metrics`


@dataclass(frozen=True)
class RecordingRule:
    """One recording rule. `metrics` as in `Alert`."""

    name: str
    metrics: tuple[str, ...] = ()
    line: int = 1


@dataclass(frozen=True)
class Panel:
    """One panel of a dashboard. `row` is the title of its row, or "". `metrics` as in `Alert`.

    `grid`: x, y, width and height in Grafana's grid of 24 columns; None if they are not known.
    `collapsed`: Grafana shows only the title of the row until the reader opens it.
    """

    title: str
    type: str = ""
    row: str = ""
    metrics: tuple[str, ...] = ()
    line: int = 1
    grid: tuple[int, int, int, int] | None = None
    collapsed: bool = False


@dataclass(frozen=True)
class OtherQuery:
    """A query of a dashboard outside its panels. `of` is a variable or an annotation."""

    of: str
    metrics: tuple[str, ...] = ()
    line: int = 1


@dataclass(frozen=True)
class Dashboard:
    """One Grafana dashboard. `panels` does not include rows."""

    title: str
    panels: tuple[Panel, ...] = ()
    datasources: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    grafana_version: str = ""
    schema_version: str = ""
    uid: str = ""
    other_queries: tuple[OtherQuery, ...] = ()


@dataclass(frozen=True)
class SampleMetric:
    """One metric that an exporter exports. `series` are the names of its time series."""

    name: str
    type: str = "unknown"
    help: str = ""
    labels: tuple[str, ...] = ()
    series: tuple[str, ...] = ()


@dataclass(frozen=True)
class KubernetesResource:
    """One Kubernetes resource."""

    kind: str
    name: str = ""
    line: int = 1


@dataclass(frozen=True)
class HelmChart:
    """The metadata of a Helm chart. `findings` apply only to a file named Chart.yaml."""

    name: str = ""
    version: str = ""
    app_version: str = ""
    description: str = ""
    type: str = ""
    dependencies: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class FileReport:
    """The results of judging a file's bytes. The same bytes always give the same report."""

    # yaml, json, template, metrics, empty, unreadable, lfs (a pointer of Git LFS), failed
    format: str
    findings: tuple[Finding, ...] = ()
    alerts: tuple[Alert, ...] = ()
    alerts_form: AlertsForm | None = None
    recording: bool = False  # there are recording rules
    dashboards: tuple[Dashboard, ...] = ()
    manifests: tuple[KubernetesResource, ...] = ()
    chart: HelmChart | None = None
    requirements: tuple[Finding, ...] = ()  # errors of a chart's requirements.yaml
    values: tuple[str, ...] = ()  # top-level keys, if the file may be a chart's values
    looks_like: tuple[About, ...] = ()  # the probable content of a file that cannot be parsed
    root: str = ""  # the type of the first document, if it is no mapping: list or scalar
    helm_actions: bool = False  # it contains template actions that only Helm can render
    template: tuple[Finding, ...] = ()  # syntax errors of a template; they count only in a chart
    renders_rules: bool = False  # a template that makes rules of values or files
    includes: tuple[str, ...] = ()  # how the paths of files begin that a template includes
    uses_tpl: bool = False  # a template that renders what it includes
    ignore_lines: tuple[str, ...] = ()  # the lines of a text that may be a `.helmignore`
    recording_rules: tuple[RecordingRule, ...] = ()
    # A sample of metrics; it and its findings count only in a file that is meant to be one.
    sample: tuple[SampleMetric, ...] = ()
    sample_findings: tuple[Finding, ...] = ()
    sample_version: str = ""  # of the exporter, as the time series `sample_build_info` says
    sample_build_info: str = ""

    def has_errors(self, *about: About) -> bool:
        """Whether there is an error about one of the subjects."""
        return any(f.level == Level.ERROR and f.about in about for f in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON-ready values, without empty ones."""
        return _ADAPTER.dump_python(self, mode="json", exclude_defaults=True)  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "FileReport":
        """Return the report that `as_json` wrote."""
        try:
            return _ADAPTER.validate_python(data)
        except ValidationError:  # by a newer version of the hub, during an upgrade
            return cls("unreadable")


_ADAPTER = TypeAdapter(FileReport)
