"""A file judged: bytes in, a report out. Never raises, whatever the bytes are."""

import re
from dataclasses import replace

from hub.content.rules.alerts import find_alerts
from hub.content.rules.charts import CARRY_CONTENT, find_manifests, read_chart, values_of
from hub.content.rules.dashboards import find_dashboards
from hub.content.rules.parsing import Effort, Parsed, needs_helm, parse_documents, without_actions
from hub.content.rules.report import About, FileReport, Finding, Level

# What a file that does not parse seems to be meant as: alternatives of expressions that must all be
# found, each searched alone, so that no text can make them slow. Commented lines do not count.
_MEANT_AS = {
    About.ALERTS: [[r"""^[ \t]*(?:-[ \t]+)?["']?alert["']?[ \t]*:[ \t]*\S"""]],
    About.DASHBOARD: [
        [r'"(?:panels|rows)"\s*:', r'"(?:gridPos|targets|schemaVersion|templating)"\s*:'],
        # cut off before the panels, which stand in the middle
        [r'"(?:__inputs|__requires|annotations)"\s*:', r'"(?:-- Grafana --|grafana)"'],
        [r'"(?:gnetId|graphTooltip|fiscalYearStartMonth)"\s*:'],
    ],
    About.MANIFEST: [
        [r"^apiVersion[ \t]*:", rf"^kind[ \t]*:[ \t]*(?!(?:{'|'.join(sorted(CARRY_CONTENT))})\b)\S"]
    ],
    # commands instead of a chart
    About.CHART: [
        [r"^\W{0,6}(?:helm (?:install|upgrade|repo|template)|kubectl (?:apply|create))\b"]
    ],
}


def judge(data: bytes) -> FileReport:
    """All that can be learned of a file from its bytes."""
    effort = Effort()
    parsed = parse_documents(data, effort)
    if parsed.format == "empty":
        return FileReport("empty", tuple(parsed.findings))
    if parsed.format == "template":
        return _judge_template(parsed, effort)
    alerts = find_alerts(parsed.documents, effort)
    dashboards = find_dashboards(parsed.documents, effort)
    findings = [*parsed.findings, *alerts.findings, *dashboards.findings]
    if alerts.alerts and parsed.twice:
        # Prometheus reads rules strictly; Helm and Kubernetes take the last of two equal keys.
        reason = "Prometheus refuses a key given twice"
        findings.append(Finding(Level.ERROR, About.ALERTS, parsed.twice, reason))
    # YAML takes prose, such as a list of commands, as one scalar.
    prose = all(isinstance(document, str) for document in parsed.documents)
    report = FileReport(
        format=parsed.format,
        findings=tuple(findings),
        alerts=tuple(alerts.alerts),
        alerts_form=alerts.form,
        dashboards=tuple(dashboards.dashboards),
        manifests=tuple(find_manifests(parsed.documents)),
        chart=None if dashboards.dashboards else read_chart(parsed.documents),
        values=() if dashboards.dashboards else values_of(parsed.documents),
        looks_like=_meant_as(parsed.text) if prose else (),
        helm_actions=needs_helm(parsed.text),
    )
    if findings or report.alerts or report.dashboards or report.manifests or report.values:
        return report
    reason = "no rules, dashboard, chart, values or manifest"
    return replace(report, findings=(Finding(Level.NOTE, About.FILE, 1, reason),))


def _judge_template(parsed: Parsed, effort: Effort) -> FileReport:
    """A file that only Helm can render: read for the alerts that it holds, and no more."""
    documents = parse_documents(without_actions(parsed.text).encode(), effort).documents
    alerts = find_alerts(documents, effort, template=True)
    return FileReport(
        format="template",
        findings=tuple(parsed.findings),
        alerts=tuple(alerts.alerts),
        alerts_form=alerts.form,
        looks_like=_meant_as(parsed.text),
        helm_actions=True,
    )


def _meant_as(text: str) -> tuple[About, ...]:
    return tuple(
        about
        for about, alternatives in _MEANT_AS.items()
        if any(all(re.search(p, text, re.MULTILINE) for p in each) for each in alternatives)
    )
