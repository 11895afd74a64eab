"""Judge a file: turn its bytes into a report. Never raises."""

import logging
import re
from dataclasses import replace

from hub.content.rules.alerts import find_alerts, find_old_alerts
from hub.content.rules.charts import (
    CONTENT_RESOURCES,
    check_requirements,
    find_manifests,
    read_chart,
    values_of,
)
from hub.content.rules.dashboards import find_dashboards
from hub.content.rules.go_template import HELM_FUNCTIONS, check_template
from hub.content.rules.helmignore import ignore_lines
from hub.content.rules.parsing import ParseBudget, Parsed, needs_helm, parse_documents, strip_helm
from hub.content.rules.report import About, AlertsForm, FileReport, Finding, Findings, Level
from hub.content.rules.samples import Sample, parse_sample

logger = logging.getLogger(__name__)

# A pointer of Git LFS, and its former names (github.com/git-lfs/git-lfs, docs/spec.md).
_LFS_POINTER = re.compile(
    rb"version (?:https://(?:git-lfs\.github\.com|hawser\.github\.com)/spec/v1"
    rb"|http://git-media\.io/v/2)\r?\n(?:[a-z0-9.-]+ [^\n]*\n)*?"
    rb"oid [a-z0-9]+:[0-9a-f]{40,128}\r?\nsize \d+\s*"
)
_MAX_POINTER_SIZE = 1024  # bytes, according to the specification
_NOT_MANIFESTS = "|".join(sorted(CONTENT_RESOURCES))
# How to recognize the kind of a file that cannot be parsed: one list of expressions must all match.
# Each is searched separately, so that no text makes them slow. Commented lines do not match.
_LOOKS_LIKE = {
    About.ALERTS: [[r"""^[ \t]*(?:-[ \t]+)?["']?alert["']?[ \t]*:[ \t]*\S"""]],
    About.DASHBOARD: [
        [r'"(?:panels|rows)"\s*:', r'"(?:gridPos|targets|schemaVersion|templating)"\s*:'],
        # truncated before the panels, which are in the middle of the file
        [r'"(?:__inputs|__requires|annotations)"\s*:', r'"(?:-- Grafana --|grafana)"'],
        [r'"(?:gnetId|graphTooltip|fiscalYearStartMonth)"\s*:'],
    ],
    About.MANIFEST: [
        [r"^apiVersion[ \t]*:", rf"^kind[ \t]*:[ \t]*(?!(?:{_NOT_MANIFESTS})\b)\S"],
    ],
    # commands instead of a chart
    About.CHART: [
        [r"^\W{0,6}(?:helm (?:install|upgrade|repo|template)|kubectl (?:apply|create))\b"]
    ],
}


_RULE_RESOURCE = re.compile(r"^kind:[ \t]*(?:PrometheusRule|VMRule)\b", re.MULTILINE)
_FROM_ELSEWHERE = re.compile(r"\.(?:Values|Files)\b")
_TPL = re.compile(r"\btpl\b")
# A file or files of the chart, with the literal text with which their paths begin.
_CHART_FILES = re.compile(r"""\.Files\.\w+(?:\s+\(?\s*(?:"([^"*?\[{\\]*)|`([^`*?\[{\\]*)))?""")
_MAX_INCLUDED = 100  # files or patterns in a template
# Conditions on the version of Kubernetes or on its APIs.
_DEPENDS_ON_VERSION = re.compile(r"\bCapabilities\b|\bsemverCompare\b")


def judge(data: bytes) -> FileReport:
    """Return the report about a file's bytes."""
    try:
        return _judge(data)
    except Exception:  # a defect of the rules must not keep the other files from being judged
        logger.exception("a file cannot be judged")
        return FileReport("failed")


def _judge(data: bytes) -> FileReport:
    if len(data) < _MAX_POINTER_SIZE and _LFS_POINTER.fullmatch(data):
        return FileReport("lfs")
    budget = ParseBudget()
    parsed = parse_documents(data, budget)
    if parsed.format == "empty":
        return FileReport("empty", tuple(parsed.findings))
    sample = Sample() if "\0" in parsed.text else parse_sample(parsed.text)
    if sample.whole:
        report = FileReport("metrics")
    elif parsed.format == "template":
        report = _judge_template(parsed, budget)
    else:
        report = _judge_first(parsed, budget) or _judge_documents(parsed, budget)
    if sample.metrics or sample.findings:
        report = replace(
            report,
            sample=sample.metrics,
            sample_findings=tuple(sample.findings),
            sample_version=sample.version,
            sample_build_info=sample.build_info,
        )
    if "{{" not in parsed.text:
        return report
    rules = _RULE_RESOURCE.search(parsed.text) and _FROM_ELSEWHERE.search(parsed.text)
    return replace(
        report,
        template=_check_syntax(parsed.text),
        renders_rules=bool(rules),
        includes=_included_files(parsed.text),
        uses_tpl=bool(_TPL.search(parsed.text)),
    )


def _included_files(text: str) -> tuple[str, ...]:
    """Return how the paths of the chart's files begin that a template includes."""
    named = [match[1] or match[2] or "" for match in _CHART_FILES.finditer(text)]
    # A path in a variable is usually one that a pattern named before.
    return tuple(sorted(set(filter(None, named)))[:_MAX_INCLUDED]) or ("",) * bool(named)


def _judge_first(parsed: Parsed, budget: ParseBudget) -> FileReport | None:
    """Return the report about a rule file or chart of which a later document cannot be parsed."""
    if parsed.first is None:
        return None
    findings = Findings(About.FILE)
    findings += [replace(finding, level=Level.WARNING) for finding in parsed.findings]
    first = replace(parsed, documents=[parsed.first], findings=findings)
    report = _judge_documents(first, budget)
    # Prometheus and Helm read only the first document; other programs read all of them.
    ignored = report.alerts_form == AlertsForm.GROUPS or report.chart is not None
    return report if ignored else None


def _judge_documents(parsed: Parsed, budget: ParseBudget) -> FileReport:
    """Return the report about a file that is no template."""
    alerts = find_alerts(parsed.documents, budget, parsed.text)
    dashboards = find_dashboards(parsed.documents, budget)
    findings = [*parsed.findings, *alerts.findings, *dashboards.findings]
    ignored = alerts.form == AlertsForm.GROUPS and parsed.only_later_duplicates
    if alerts.alerts and parsed.duplicate_line and not ignored:
        # Prometheus parses rules strictly; Helm and Kubernetes use the last of two equal keys.
        reason = "Prometheus rejects duplicate keys"
        findings.append(Finding(Level.ERROR, About.ALERTS, parsed.duplicate_line, reason))
    # Prose, such as a list of commands, is a scalar in YAML.
    prose = all(isinstance(document, str) for document in parsed.documents)
    if prose:
        alerts.alerts, old = find_old_alerts(parsed.text)
        findings += old
    if dashboards.dashboards and parsed.json_problem:
        findings.append(Finding(Level.ERROR, About.DASHBOARD, *parsed.json_problem))
    notes = Findings(About.MANIFEST)
    manifests = find_manifests(parsed.documents, notes)
    findings += notes
    whole = bool(dashboards.dashboards) and not dashboards.nested
    structured = any(isinstance(document, dict) for document in parsed.documents)
    first = parsed.documents[0] if parsed.documents else None
    report = FileReport(
        format=parsed.format,
        findings=tuple(findings),
        alerts=tuple(alerts.alerts),
        alerts_form=alerts.form,
        recording=alerts.recording,
        recording_rules=tuple(alerts.recording_rules),
        dashboards=tuple(dashboards.dashboards),
        manifests=tuple(manifests),
        chart=None if whole else read_chart(parsed.documents),
        requirements=check_requirements(parsed.documents),
        values=() if whole else values_of(parsed.documents),
        looks_like=_looks_like(parsed.text) if prose else (),
        root="" if first is None or isinstance(first, dict) else _root(first),
        helm_actions=needs_helm(parsed.text),
        ignore_lines=() if structured else ignore_lines(parsed.text),
    )
    if findings or report.alerts or report.dashboards or report.manifests or report.values:
        return report
    reason = "contains no rules, dashboard, chart, values or manifest"
    return replace(report, findings=(Finding(Level.NOTE, About.FILE, 1, reason),))


def _root(value: object) -> str:
    return "list" if isinstance(value, list) else "scalar"


def _judge_template(parsed: Parsed, budget: ParseBudget) -> FileReport:
    """Return the report about a Helm template: its alerts, and APIs that Kubernetes removed."""
    stripped = parse_documents(strip_helm(parsed.text).encode(), budget)
    alerts = find_alerts(stripped.documents, budget, template=True)
    notes = Findings(About.MANIFEST)
    if not (stripped.duplicate_line or _DEPENDS_ON_VERSION.search(parsed.text)):
        find_manifests(stripped.documents, notes)
    return FileReport(
        format="template",
        findings=(*parsed.findings, *notes),
        alerts=tuple(alerts.alerts),
        alerts_form=alerts.form,
        recording_rules=tuple(alerts.recording_rules),
        looks_like=_looks_like(parsed.text),
        helm_actions=True,
    )


def _check_syntax(text: str) -> tuple[Finding, ...]:
    """Check the syntax of a template, as Helm does for all templates of a chart."""
    error = check_template(text, HELM_FUNCTIONS)
    if error is None:
        return ()
    line = text.count("\n", 0, error.position) + 1
    return (Finding(Level.ERROR, About.CHART, line, f"Helm cannot parse the template: {error}"),)


def _looks_like(text: str) -> tuple[About, ...]:
    return tuple(
        about
        for about, alternatives in _LOOKS_LIKE.items()
        if any(all(re.search(p, text, re.MULTILINE) for p in each) for each in alternatives)
    )
