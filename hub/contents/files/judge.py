"""A file judged: bytes in, a report out. Never raises, whatever the bytes are."""

import re

from hub.contents.files.alerts import Alerts, find_alerts
from hub.contents.files.charts import find_manifests, read_chart, values_of
from hub.contents.files.dashboards import find_dashboards
from hub.contents.files.parsing import Parsed, needs_helm, parse, without_actions
from hub.contents.files.report import About, FileReport, Finding, Level

# What a file that does not parse seems to be meant as. Commented lines do not count. Each is a line
# of alternatives that must all be found: one search each, so that no text can make them slow.
_MEANT_AS = {
    About.ALERTS: [[r"""^\s*(?:-\s+)?["']?alert["']?[ \t]*:[ \t]*\S"""]],
    About.DASHBOARD: [
        [r'"(?:panels|rows)"\s*:', r'"(?:gridPos|targets|schemaVersion|templating)"\s*:']
    ],
    About.MANIFEST: [[r"^apiVersion[ \t]*:", r"^kind[ \t]*:"]],
    # commands instead of a chart
    About.CHART: [
        [r"^\W{0,6}(?:helm (?:install|upgrade|repo|template)|kubectl (?:apply|create))\b"]
    ],
}


def judge(data: bytes) -> FileReport:
    """All that can be learned of a file from its bytes."""
    return _judge(data).storable()


def _judge(data: bytes) -> FileReport:
    parsed = parse(data)
    if parsed.format == "empty":
        return FileReport("empty", tuple(parsed.findings))
    if parsed.format == "template":
        return _judge_template(parsed)
    alerts = find_alerts(parsed.documents)
    dashboards = find_dashboards(parsed.documents)
    findings = [*parsed.findings, *alerts.findings, *dashboards.findings]
    if alerts.alerts and parsed.twice:
        # Prometheus reads rules strictly; Helm and Kubernetes take the last of two equal keys.
        findings.append(
            Finding(Level.ERROR, About.ALERTS, parsed.twice, "Prometheus refuses a key given twice")
        )
    meant = () if parsed.documents and not _is_prose(parsed) else _meant_as(parsed.text)
    return FileReport(
        format=parsed.format,
        findings=tuple(findings),
        alerts=tuple(alerts.alerts),
        alerts_form=alerts.form,
        dashboards=tuple(dashboards.dashboards),
        manifests=tuple(find_manifests(parsed.documents)),
        chart=None if dashboards.dashboards else read_chart(parsed.documents),
        values=() if dashboards.dashboards else values_of(parsed.documents),
        looks_like=meant,
        helm_actions=needs_helm(parsed.text),
    )


def _judge_template(parsed: Parsed) -> FileReport:
    """A file that only Helm can render: read for the alerts that it spells out, and no more."""
    documents = parse(without_actions(parsed.text).encode()).documents
    alerts = find_alerts(documents, template=True) if documents else Alerts()
    return FileReport(
        format="template",
        findings=tuple(parsed.findings),
        alerts=tuple(alerts.alerts),
        alerts_form=alerts.form,
        looks_like=_meant_as(parsed.text),
        helm_actions=True,
    )


def _is_prose(parsed: Parsed) -> bool:
    """A text that YAML takes as one scalar, such as a list of commands."""
    return all(isinstance(document, str) for document in parsed.documents)


def _meant_as(text: str) -> tuple[About, ...]:
    return tuple(
        about
        for about, alternatives in _MEANT_AS.items()
        if any(all(re.search(p, text, re.MULTILINE) for p in each) for each in alternatives)
    )
