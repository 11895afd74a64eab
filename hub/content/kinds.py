"""The registry of content kinds. All other lists of kinds are derived from it.

A new kind needs an entry here, a judge, a migration (two columns of `ExporterContents`, and
`ChangeKind`) and a template for its tab.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hub.content.rules.judges import Judge, judge_alerts, judge_dashboard, judge_iac
from hub.content.rules.report import FileReport


@dataclass(frozen=True)
class KindTab:
    """The tab of a kind on an exporter's page.

    `name` is part of its URL, URL name (`exporter_NAME`) and template (`hub/exporter/NAME.html`).
    `context` is the dotted path of a function, because `hub.content` must not import `hub.web`.
    """

    name: str
    label: str
    context: str = "hub.web.pages.tabs.files"


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of content.

    Its columns in `ExporterContents` are `field` (present) and `usable_field`; the texts `present`
    and `usable` describe them. `judge` decides both for a file. `count` counts the items in a file,
    each of which is an `item`. `example`: the usual path of such a file. `words` stand for the kind
    in searches and in the names of texts, such as `Redis_alert.md`. `pictured`: pictures whose
    paths name no kind show this one.
    """

    letter: str
    field: str
    label: str
    short_label: str
    present: str
    usable: str
    judge: Judge
    tab: KindTab
    item: str = "file"
    count: Callable[[FileReport], int] = lambda _: 1
    example: str = ""
    words: frozenset[str] = frozenset()
    pictured: bool = False

    @property
    def usable_field(self) -> str:
        """The column that says whether the content is usable."""
        return f"{self.field}_usable"


KINDS = (
    Kind(
        letter="I",
        field="iac",
        label="Helm",
        short_label="Helm",
        present="Helm chart, values or manifests.",
        usable="Helm or Kubernetes would accept it.",
        judge=judge_iac,
        tab=KindTab("iac", "Helm", "hub.web.pages.tabs.charts"),
        item="chart",
        count=lambda report: int(report.chart is not None),
        example="helm/Chart.yaml",
        words=frozenset({"chart", "charts", "helm"}),
    ),
    Kind(
        letter="A",
        field="alerts",
        label="Alerting rules",
        short_label="Alerts",
        present="Alerting rules.",
        usable="Prometheus would load the rules.",
        judge=judge_alerts,
        tab=KindTab("alerts", "Alerting rules", "hub.web.pages.tabs.alert_files"),
        item="alert",
        count=lambda report: len(report.alerts),
        example="alert-rules.yaml",
        words=frozenset({"alert", "alerting", "alerts"}),
    ),
    Kind(
        letter="G",
        field="dashboard",
        label="Grafana dashboard",
        short_label="Dashboard",
        present="Grafana dashboard.",
        usable="Grafana would show a dashboard with panels.",
        judge=judge_dashboard,
        tab=KindTab("dashboards", "Dashboard", "hub.web.pages.tabs.dashboard_files"),
        item="dashboard",
        count=lambda report: len(report.dashboards),
        example="dashboard.json",
        words=frozenset({"dashboard", "dashboards"}),
        pictured=True,
    ),
)
LETTERS = tuple(kind.letter for kind in KINDS)


def any_known(values: Iterable[bool | None], *, known: bool) -> bool | None:
    """Whether any of the values, one for each directory or file, is true.

    If none is true and one is unknown, the result is None. Without values the result is False if
    a snapshot is `known`, and None otherwise.
    """
    values = list(values)
    if any(values):
        return True
    if None in values or not (values or known):
        return None
    return False
