"""The judges: whether a file speaks for a kind of content, and whether that is usable. Pure.

Each takes a file and the chart that it lies in. `hub.content.kinds` names the judge of each kind.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hub.content.rules.charts import ChartFolder
from hub.content.rules.files import ALERT_WORDS, DASHBOARD_WORDS, YAML, DirectoryFile
from hub.content.rules.report import About, AlertsForm, Finding, Level

_RECORDING_WORDS = ("recording", "record")
_IAC_WORDS = (
    *("helm", "chart", "values", "kubernetes", "k8s", "manifest", "manifests"),
    *("deployment", "daemonset", "statefulset", "kustomization", "helmfile"),
)
# Top-level keys of charts' values, as `helm create` and the charts of the community have them.
_VALUES_KEYS = {
    *("affinity", "autoscaling", "extraArgs", "fullnameOverride", "image", "imagePullSecrets"),
    *("ingress", "nameOverride", "nodeSelector", "persistence", "podAnnotations", "podLabels"),
    *("podSecurityContext", "prometheusRule", "rbac", "replicaCount", "resources"),
    *("securityContext", "service", "serviceAccount", "serviceMonitor", "tolerations"),
}
_FEWEST_VALUES_KEYS = 3


@dataclass(frozen=True)
class Verdict:
    """What a judge says of a file."""

    present: bool  # the file speaks for the kind
    usable: bool | None = False  # None while the file was not read
    finding: Finding | None = None  # why it is not usable, or that the name promises too much


Judge = Callable[[DirectoryFile, ChartFolder | None], Verdict]
_ABSENT = Verdict(present=False)


def judge_iac(file: DirectoryFile, chart: ChartFolder | None) -> Verdict:
    """Infrastructure as code: a chart, by its head; outside of charts, a manifest or values."""
    if not (file.path in chart.heads if chart else _is_iac(file)):
        return _ABSENT
    usable = chart.heads[file.path].usable if chart else _iac_usable(file)
    report, reason = file.report, ""
    if report and report.helm_actions and chart is None:
        reason = "a Helm template outside of a chart: neither Helm nor kubectl takes it as it is"
    elif report and file.parsed and not (report.manifests or report.values):
        reason = "commands instead of a chart, values or a manifest"
    if usable is not False or not reason:
        return Verdict(True, usable)
    return Verdict(True, False, Finding(Level.ERROR, About.MANIFEST, 1, reason))


def _is_iac(file: DirectoryFile) -> bool:
    """By what the file holds, or a broken one by what it was meant as."""
    report = file.report
    named = file.named(_IAC_WORDS) and not file.named(ALERT_WORDS + DASHBOARD_WORDS)
    if report is None:
        return named and file.suffix in YAML
    if report.manifests or file.seems(About.MANIFEST, _IAC_WORDS):
        return True
    if report.dashboards or report.format == "empty":
        return False
    known = len(_VALUES_KEYS.intersection(report.values)) >= _FEWEST_VALUES_KEYS
    if report.alerts:
        return known and report.alerts_form == AlertsForm.NESTED
    if known or (named and report.values and report.format == "yaml"):
        return True
    broken = report.has_errors(About.FILE) and not report.looks_like
    return named and file.suffix in YAML and (broken or About.CHART in report.looks_like)


def _iac_usable(file: DirectoryFile) -> bool | None:
    report = file.report
    if report is None:
        return None
    # Helm renders no values; what is in them is for the templates of the chart to render.
    deploys = bool(report.values) or (bool(report.manifests) and not report.helm_actions)
    return deploys and file.parsed and not report.has_errors(About.MANIFEST)


def judge_alerts(file: DirectoryFile, chart: ChartFolder | None) -> Verdict:
    """Alerting rules; no chart's values, no template without a rule that can be read."""
    report = file.report
    template = chart is not None and file.in_templates
    named = (
        file.suffix in YAML
        and file.named(ALERT_WORDS)
        and not file.named(_RECORDING_WORDS + DASHBOARD_WORDS)
    )
    if report is None:
        return Verdict(True, None) if named and not template else _ABSENT
    if report.alerts:
        present = not (chart and report.alerts_form == AlertsForm.NESTED)
    else:
        meant = file.seems(About.ALERTS, ALERT_WORDS)
        present = meant and not template and not (chart and "values" in file.words)
    if not present:
        reason = "named like alerting rules, but no alert is in it"
        warning = Finding(Level.WARNING, About.ALERTS, 1, reason)
        return Verdict(False, finding=warning) if named and not chart else _ABSENT
    if template or report.alerts_form == AlertsForm.TEMPLATE:
        rendered = template and chart is not None and chart.usable is True
        usable = rendered and bool(report.alerts) and not report.has_errors(About.ALERTS)
    else:
        # One rule that Prometheus cannot read makes it refuse the whole file.
        usable = bool(report.alerts) and not report.has_errors(About.FILE, About.ALERTS)
    if usable or report.format != "template" or file.in_templates:
        return Verdict(True, usable)
    reason = "rules with Helm's actions in them: Prometheus cannot load them as they are"
    return Verdict(True, False, Finding(Level.ERROR, About.ALERTS, 1, reason))


def judge_dashboard(file: DirectoryFile, chart: ChartFolder | None) -> Verdict:
    """Grafana dashboards, and broken files that were meant as such."""
    report = file.report
    template = chart is not None and file.in_templates
    named = file.suffix == ".json" and file.named(DASHBOARD_WORDS)
    if report is None:
        # Charts ship dashboards in their root, with no telling name; the one other JSON file that
        # Helm knows there is the values' schema.
        in_root = chart is not None and chart.folder == file.folders and file.suffix == ".json"
        likely = named or (in_root and file.name != "values.schema.json")
        return Verdict(True, None) if likely and not template else _ABSENT
    if report.dashboards or (file.seems(About.DASHBOARD, DASHBOARD_WORDS) and not template):
        errors = report.has_errors(About.FILE, About.DASHBOARD)
        return Verdict(True, not errors and report.format != "template")
    reason = "named like a dashboard, but no dashboard is in it"
    warning = Finding(Level.WARNING, About.DASHBOARD, 1, reason)
    return Verdict(False, finding=warning) if named and not chart else _ABSENT
