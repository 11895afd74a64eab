"""The kinds of content: the one registry that every other list of them is derived from.

A new kind is an entry here with its judge, a migration for its two columns of `ExporterContents`
and for `ChangeKind`, and the template of its tab.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.content.rules.judges import Judge, judge_alerts, judge_dashboard, judge_iac


@dataclass(frozen=True)
class KindTab:
    """The tab of a kind on an exporter's page.

    `name` ends its address, its URL's name (`exporter_NAME`) and its template's
    (`hub/exporter/NAME.html`). `context` is the dotted path of the function that fills the
    template: content knows nothing of the web.
    """

    name: str
    label: str
    context: str = "hub.web.pages.tabs.files"


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of content.

    `field` names two columns of `ExporterContents`: `field` says whether content of the kind is
    present, `usable_field` whether it is usable; `present` and `usable` describe them. `judge`
    decides both for a file.
    """

    letter: str
    field: str
    label: str
    short_label: str
    present: str
    usable: str
    judge: Judge
    tab: KindTab

    @property
    def usable_field(self) -> str:
        """The column that says whether the content is usable."""
        return f"{self.field}_usable"


KINDS = (
    Kind(
        letter="I",
        field="iac",
        label="Infrastructure as code",
        short_label="IaC",
        present="Helm chart, values or manifests.",
        usable="Helm or Kubernetes would take it.",
        judge=judge_iac,
        tab=KindTab("iac", "IaC", "hub.web.pages.tabs.charts"),
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
    ),
)
LETTERS = tuple(kind.letter for kind in KINDS)


def any_known(values: Iterable[bool | None], *, known: bool) -> bool | None:
    """Whether any of an exporter's directories has something.

    One that has it is enough; an unknown one leaves the answer open (None). Without a directory
    the answer is False once a snapshot is `known`, and None before.
    """
    values = list(values)
    if any(values):
        return True
    if None in values or not (values or known):
        return None
    return False
