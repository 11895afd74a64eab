"""Pure functions that judge whether a file contains a kind of content, and if it is usable.

Each takes a file and the chart that contains it. `hub.content.kinds` lists the judge of each kind.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from hub.content.rules.charts import ChartFolder
from hub.content.rules.files import ALERT_WORDS, DASHBOARD_WORDS, YAML, DirectoryFile
from hub.content.rules.report import (
    NESTED_FORMS,
    About,
    AlertsForm,
    FileReport,
    Finding,
    Level,
)

_RECORDING_WORDS = ("recording", "record")
_IAC_WORDS = (
    *("helm", "chart", "values", "kubernetes", "k8s", "manifest", "manifests"),
    *("deployment", "daemonset", "statefulset", "kustomization", "helmfile"),
)
# Top-level keys of values in charts from `helm create` and the community.
_VALUES_KEYS = {
    *("affinity", "autoscaling", "extraArgs", "fullnameOverride", "image", "imagePullSecrets"),
    *("ingress", "nameOverride", "nodeSelector", "persistence", "podAnnotations", "podLabels"),
    *("podSecurityContext", "prometheusRule", "rbac", "replicaCount", "resources"),
    *("securityContext", "service", "serviceAccount", "serviceMonitor", "tolerations"),
}
_MIN_VALUES_KEYS = 3
# Other tools' files, by the top-level keys that all of them have. Their names may contain words
# such as "kubernetes" or "helm".
_FOREIGN = (
    {"jobs", "on"},  # a GitHub workflow
    {"scrape_configs"},  # Prometheus' configuration
    {"rule_files"},  # Prometheus' configuration, or a unit test of promtool
    {"receivers", "route"},  # Alertmanager's configuration
    {"receivers", "exporters"},  # an OpenTelemetry Collector's configuration
    {"service", "slos"},  # an SLO specification of Sloth
    {"name", "runs"},  # a GitHub action
    {"stages"},  # a GitLab pipeline
    {"jobs", "version"},  # a CircleCI pipeline
    {"services", "version"},  # Docker Compose
)


@dataclass(frozen=True)
class Verdict:
    """A judge's decision about a file."""

    present: bool  # the file contains the kind of content
    usable: bool | None = False  # None: that, or what the file contains, is not known
    finding: Finding | None = None  # why it is not usable, or that the name is misleading


Judge = Callable[[DirectoryFile, ChartFolder | None], Verdict]
# Forms of alerts in values that only a template of the chart completes.
_INCOMPLETE_FORMS = {AlertsForm.RENDERED, AlertsForm.FRAGMENT}
_ABSENT = Verdict(present=False)
_UNKNOWN = Verdict(present=True, usable=None)


def _rendered(about: About, chart: ChartFolder) -> Verdict:
    """Return the verdict on content with template actions that a chart renders."""
    note = Finding(Level.NOTE, about, 1, "a template of the chart renders the file")
    return Verdict(True, False if chart.usable is False else None, note)


def judge_iac(file: DirectoryFile, chart: ChartFolder | None) -> Verdict:
    """Judge what belongs to Helm: a chart's main file, or manifests or values outside charts."""
    if not (file.path in chart.heads if chart else _is_iac(file)):
        return _ABSENT
    usable = chart.heads[file.path].usable if chart else _iac_usable(file)
    report, reason = file.report, ""
    if report and report.helm_actions and chart is None:
        reason = "a Helm template outside a chart: neither Helm nor kubectl accepts it"
    elif report and file.parsed and not (report.manifests or report.values):
        reason = "contains commands instead of a chart, values or a manifest"
    if usable is not False or not reason:
        return Verdict(True, usable)
    return Verdict(True, False, Finding(Level.ERROR, About.MANIFEST, 1, reason))


def _is_iac(file: DirectoryFile) -> bool:
    """Whether a file outside charts has manifests or values, or is a broken attempt at them."""
    report = file.report
    if report is None:
        return file.unread
    if report.manifests or file.resembles(About.MANIFEST, _IAC_WORDS):
        return True
    if report.format == "empty" or any(keys <= set(report.values) for keys in _FOREIGN):
        return False
    named = file.named(_IAC_WORDS) and not file.named(ALERT_WORDS + DASHBOARD_WORDS)
    known = len(_VALUES_KEYS.intersection(report.values)) >= _MIN_VALUES_KEYS
    values = known or (named and bool(report.values) and report.format == "yaml")
    if report.alerts or report.dashboards:
        return values and (not report.alerts or report.alerts_form in NESTED_FORMS)
    if values:
        return True
    broken = report.has_errors(About.FILE) and not report.looks_like
    return named and file.suffix in YAML and (broken or About.CHART in report.looks_like)


def _iac_usable(file: DirectoryFile) -> bool | None:
    report = file.report
    if report is None:
        return None
    # Template actions in values are fine: a chart's templates may render them.
    deploys = bool(report.values) or (bool(report.manifests) and not report.helm_actions)
    return deploys and file.parsed and not report.has_errors(About.MANIFEST)


def _may_contain(file: DirectoryFile, chart: ChartFolder | None) -> bool:
    """Whether a file without a report may contain alerts or dashboards; a chart's values do not."""
    return file.unread and not (chart and "values" in file.words)


def judge_alerts(file: DirectoryFile, chart: ChartFolder | None) -> Verdict:
    """Judge alerting rules, except in a chart's values and in templates without readable rules."""
    report = file.report
    template = chart is not None and file.in_templates and not chart.ignores(file)
    named = (
        file.suffix in YAML
        and file.named(ALERT_WORDS)
        and not file.named(_RECORDING_WORDS + DASHBOARD_WORDS)
    )
    if report is None:
        return _UNKNOWN if _may_contain(file, chart) else _ABSENT
    if report.alerts:
        form = report.alerts_form
        pasted = form == AlertsForm.FRAGMENT and chart and _is_values(file, chart)
        if chart and (pasted or form in NESTED_FORMS):
            return _judge_rendered(file, report, chart)
        present = report.alerts_form != AlertsForm.MAPPED
    else:
        likely = file.resembles(About.ALERTS, ALERT_WORDS)
        present = likely and not template and not (chart and "values" in file.words)
    if not present:
        reason = "named like alerting rules, but contains no alert"
        warning = Finding(Level.WARNING, About.ALERTS, 1, reason)
        misleading = named and not chart and not report.recording
        return Verdict(False, finding=warning) if misleading else _ABSENT
    if chart and report.helm_actions and chart.renders(file):
        return _rendered(About.ALERTS, chart)
    if template or report.alerts_form == AlertsForm.TEMPLATE:
        rendered = template and chart is not None and chart.usable is True
        usable = rendered and bool(report.alerts) and not report.has_errors(About.ALERTS)
    else:
        # Prometheus rejects the whole file because of one invalid rule.
        usable = bool(report.alerts) and not report.has_errors(About.FILE, About.ALERTS)
        usable = usable and report.alerts_form != AlertsForm.RENDERED
    actions = report.format == "template" or report.alerts_form == AlertsForm.RENDERED
    if usable or not actions or file.in_templates:
        return Verdict(True, usable)
    reason = "the rules contain Helm template actions, which Prometheus cannot load"
    return Verdict(True, False, Finding(Level.ERROR, About.ALERTS, 1, reason))


def _judge_rendered(file: DirectoryFile, report: FileReport, chart: ChartFolder) -> Verdict:
    """Judge alerts in values or below keys: they count if a template of the chart renders them."""
    if not (chart.renders_rules and (_is_values(file, chart) or chart.includes(file))):
        return _ABSENT
    verdict = _rendered(About.ALERTS, chart)
    if not _is_values(file, chart) or report.alerts_form in _INCOMPLETE_FORMS:
        return verdict
    if report.has_errors(About.FILE, About.ALERTS):
        return Verdict(True, False)
    return replace(verdict, usable=chart.usable)


def _is_values(file: DirectoryFile, chart: ChartFolder) -> bool:
    return file.name == "values.yaml" and file.folders == chart.folder


def judge_dashboard(file: DirectoryFile, chart: ChartFolder | None) -> Verdict:
    """Judge Grafana dashboards, including files that are broken dashboards."""
    report = file.report
    template = chart is not None and file.in_templates and not chart.ignores(file)
    named = file.suffix == ".json" and file.named(DASHBOARD_WORDS)
    if report is None:
        return _UNKNOWN if _may_contain(file, chart) else _ABSENT
    if report.dashboards or (file.resembles(About.DASHBOARD, DASHBOARD_WORDS) and not template):
        if chart and report.helm_actions and chart.renders(file):
            return _rendered(About.DASHBOARD, chart)
        errors = report.has_errors(About.FILE, About.DASHBOARD)
        return Verdict(True, not errors and report.format != "template")
    reason = "named like a dashboard, but contains no dashboard"
    warning = Finding(Level.WARNING, About.DASHBOARD, 1, reason)
    return Verdict(False, finding=warning) if named and not chart else _ABSENT
