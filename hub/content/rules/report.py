"""What was found in one file, as plain values that Postgres keeps as JSON."""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partialmethod
from typing import Any

from pydantic import TypeAdapter

_LONGEST_REASON = 500


class Level(StrEnum):
    """How bad a finding is. An error means that Prometheus, Grafana or Helm would refuse it."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class About(StrEnum):
    """What a finding speaks of: the file as a whole, or one kind of content in it."""

    FILE = "file"
    ALERTS = "alerts"
    DASHBOARD = "dashboard"
    MANIFEST = "manifest"
    CHART = "chart"


@dataclass(frozen=True)
class Finding:
    """A remark on a line (counted from 1) with its reason, in words for the file's author.

    `path` is the file's, or folder's; "" in a report, which speaks of one file.
    """

    level: Level
    about: About
    line: int
    reason: str
    path: str = ""

    def at(self, path: str) -> "Finding":
        """The same of the file, or folder, at `path`."""
        return replace(self, path=path)


class Findings(list[Finding]):
    """Findings about one kind of content; those beyond `most` are dropped."""

    def __init__(self, about: About, most: int = 100) -> None:
        super().__init__()
        self._about, self._most = about, most

    def add(self, level: Level, line: int, reason: str) -> None:
        """Add a finding."""
        if len(self) < self._most:
            self.append(Finding(level, self._about, line, reason[:_LONGEST_REASON]))

    error = partialmethod(add, Level.ERROR)
    warning = partialmethod(add, Level.WARNING)
    note = partialmethod(add, Level.NOTE)


class AlertsForm(StrEnum):
    """In which form a file holds its alerting rules; the first two are what tools load as it is."""

    GROUPS = "groups"  # a rule file of Prometheus
    RESOURCE = "resource"  # a PrometheusRule, or a ConfigMap with a rule file in it
    FRAGMENT = "fragment"  # a list of groups, or of rules: to be pasted below `groups:`
    NESTED = "nested"  # below other keys, such as a chart's values
    TEMPLATE = "template"  # a Helm template, read without its actions


@dataclass(frozen=True)
class Alert:
    """One alerting rule, as Prometheus would read it. `for_` is a duration such as `5m`."""

    name: str
    expr: str = ""
    for_: str = ""
    severity: str = ""
    summary: str = ""
    group: str = ""
    line: int = 1


@dataclass(frozen=True)
class Panel:
    """One panel of a dashboard; `row` is the title of the row that it stands in."""

    title: str
    type: str = ""
    row: str = ""


@dataclass(frozen=True)
class Dashboard:
    """One Grafana dashboard; rows are no panels."""

    title: str
    panels: tuple[Panel, ...] = ()
    datasources: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    grafana_version: str = ""
    schema_version: str = ""
    uid: str = ""


@dataclass(frozen=True)
class KubernetesResource:
    """One Kubernetes resource: its kind and name."""

    kind: str
    name: str = ""
    line: int = 1


@dataclass(frozen=True)
class HelmChart:
    """The metadata of a Helm chart. `findings` hold only for a file named Chart.yaml."""

    name: str = ""
    version: str = ""
    app_version: str = ""
    description: str = ""
    type: str = ""
    dependencies: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class FileReport:
    """All that was learned from a file's bytes; the same bytes always give the same report."""

    format: str  # yaml, json, template, empty, unreadable
    findings: tuple[Finding, ...] = ()
    alerts: tuple[Alert, ...] = ()
    alerts_form: AlertsForm | None = None
    dashboards: tuple[Dashboard, ...] = ()
    manifests: tuple[KubernetesResource, ...] = ()
    chart: HelmChart | None = None
    values: tuple[str, ...] = ()  # the top-level keys of what may be a chart's values
    looks_like: tuple[About, ...] = ()  # what a file that cannot be parsed seems to be meant as
    helm_actions: bool = False  # Helm would have to render it first

    def has_errors(self, *about: About) -> bool:
        """Whether there is an error about one of `about`."""
        return any(f.level == Level.ERROR and f.about in about for f in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The report as JSON-ready values, without what is empty."""
        return _ADAPTER.dump_python(self, mode="json", exclude_defaults=True)  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "FileReport":
        """The report that `as_json` wrote."""
        return _ADAPTER.validate_python(data)


_ADAPTER = TypeAdapter(FileReport)
