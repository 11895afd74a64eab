"""Alerting rules: where a file holds them, and whether Prometheus would load them.

What Prometheus refuses is taken from its `rulefmt` package and from "Defining recording rules" and
"Alerting rules" of its documentation; one bad rule makes it refuse the whole file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hub.content.rules import parsing, promql
from hub.content.rules.parsing import Findings, LineDict
from hub.content.rules.report import About, Alert, AlertsForm, Finding, Level
from hub.content.rules.values import (
    embedded_files,
    line_of,
    list_of,
    mapping_of,
    mappings_in,
    resources,
    text_of,
)

# Prometheus' operator, VictoriaMetrics' operator, Google's managed Prometheus: one form.
RULE_RESOURCES = {"PrometheusRule", "VMRule", "Rules", "ClusterRules", "GlobalRules"}
_RULE_KEYS = {"alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"}
# partial_response_strategy is Thanos', and allowed in a PrometheusRule.
_GROUP_KEYS = {"name", "interval", "query_offset", "limit", "rules", "labels"}
_GROUP_KEYS |= {"partial_response_strategy", "source_tenants"}
_DURATION = re.compile(
    r"0|(?=\d)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?"  # Prometheus' ParseDuration
)
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LONGEST_NAME = 1_000
# Aliases may repeat rules endlessly; the largest collections in the wild have under a thousand.
_MOST_RULES = 2_000
_LONGEST_TEXT = 2_000  # characters kept of an expression or a summary
_LONGEST_WORD = 200  # of everything else


@dataclass
class Alerts:
    """What was found so far. `template`: Helm's actions were taken out of the file."""

    embedded: parsing.Embedded
    template: bool = False
    budget: promql.Budget = field(default_factory=promql.Budget)
    rules: int = 0
    form: AlertsForm | None = None  # of the first that was found
    alerts: list[Alert] = field(default_factory=list)
    findings: Findings = field(default_factory=lambda: Findings(About.ALERTS))
    seen: set[tuple[str, ...]] = field(default_factory=set)


def find_alerts(
    documents: list[Any], embedded: parsing.Embedded, *, template: bool = False
) -> Alerts:
    """The alerting rules of a file's documents."""
    found = Alerts(embedded, template)
    for document in resources(documents):
        _read_document(found, document)
    if template:  # a name that is all action names no alert
        found.alerts = [alert for alert in found.alerts if alert.name != parsing.TAKEN_OUT]
    if not found.alerts:  # findings about recording rules alone are not about alerts
        return Alerts(embedded)
    line = found.alerts[0].line
    if template:
        found.form = AlertsForm.TEMPLATE
    elif found.form == AlertsForm.FRAGMENT:
        reason = "put it below `groups:`, as a group with a name and `rules:`"
        found.findings.warning(line, f"a part of a rule file: {reason}")
    elif found.form == AlertsForm.NESTED:
        reason = "for a chart's values, not for Prometheus itself"
        found.findings.note(line, f"the rules stand below other keys: {reason}")
    return found


def _read_document(found: Alerts, document: Any) -> None:
    form: AlertsForm | None = None
    before = len(found.alerts)
    if isinstance(document, list):
        form = AlertsForm.FRAGMENT
        items = list(mappings_in(document))
        if any("rules" in item for item in items):
            _read_groups(found, items)
        else:
            _read_rules(found, [item for item in items if "alert" in item], "")
            form = form if len(found.alerts) > before else None
    elif not isinstance(document, LineDict):
        return
    elif (kind := text_of(document.get("kind"))) in RULE_RESOURCES:
        form = AlertsForm.RESOURCE
        _read_groups(found, mapping_of(document.get("spec")).get("groups"))
    elif kind == "ConfigMap":
        for _, text, line in embedded_files(document):
            if "alert" in text:
                _read_embedded(found, text, line)
    elif isinstance(document.get("groups"), list):
        form = AlertsForm.GROUPS
        _refuse_unknown(found, document, {"groups"}, "the file")
        _read_groups(found, document["groups"])
    elif "alert" in document:
        form = AlertsForm.FRAGMENT
        _read_rules(found, [document], "")
    elif isinstance(document.get("rules"), list):
        form = AlertsForm.FRAGMENT
        _read_groups(found, [document])
    else:
        for rules in _nested_rules(document):
            form = AlertsForm.NESTED
            _read_rules(found, rules, "")
    found.form = found.form or form


def _read_embedded(found: Alerts, text: str, line: int) -> None:
    inner = Alerts(found.embedded, found.template, found.budget, found.rules)
    for document in found.embedded.parse(text).documents:
        # No tool reads a ConfigMap inside a ConfigMap, and the nesting could be endless.
        if text_of(mapping_of(document).get("kind")) != "ConfigMap":
            _read_document(inner, document)
    found.rules = inner.rules
    if not inner.alerts:
        return
    found.form = found.form or AlertsForm.RESOURCE
    found.alerts += [replace(alert, line=alert.line + line) for alert in inner.alerts]
    for finding in inner.findings:
        found.findings.add(finding.level, finding.line + line, finding.reason)


def _nested_rules(document: Any) -> Iterator[list[Any]]:
    """Lists of rules anywhere below other keys, in order; what aliases repeat is seen once."""
    left = [document]
    seen: set[int] = set()
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, LineDict):
            left.extend(reversed(node.values()))
        elif isinstance(node, list):
            rules = [item for item in mappings_in(node) if "alert" in item and "expr" in item]
            if rules:
                yield rules
            else:
                left.extend(item for item in reversed(node) if isinstance(item, LineDict | list))


def _read_groups(found: Alerts, groups: Any) -> None:
    names: dict[str, int] = {}
    for group in mappings_in(groups):
        name = text_of(group.get("name"))
        shown, line = name[:_LONGEST_WORD], group.line_of("name")
        if not name and not found.template:
            found.findings.error(group.line, "a group without a name")
        elif name in names and not found.template:
            reason = f"two groups are named {shown!r} (the first on line {names[name]})"
            found.findings.error(line, reason)
        names[name] = line
        _refuse_unknown(found, group, _GROUP_KEYS, f"group {shown!r}")
        interval = text_of(group.get("interval"))
        if interval and not found.template and not _DURATION.fullmatch(interval):
            reason = f"{interval[:40]!r} is no duration"
            found.findings.error(group.line_of("interval"), reason)
        _read_rules(found, list_of(group.get("rules")), name)


def _read_rules(found: Alerts, rules: list[Any], group: str) -> None:
    for rule in rules:
        found.rules += 1
        if found.rules > _MOST_RULES:
            if found.rules == _MOST_RULES + 1:
                reason = f"too many rules: only the first {_MOST_RULES:,} are judged"
                found.findings.append(Finding(Level.WARNING, About.ALERTS, line_of(rule), reason))
            return
        if not isinstance(rule, LineDict):
            if rule is not None:
                found.findings.error(line_of(rule), "a rule that is no mapping")
            continue
        if not found.template:  # what its values would make of it cannot be known
            _check_rule(found, rule, group)
        if "alert" in rule:
            labels = mapping_of(rule.get("labels"))
            annotations = mapping_of(rule.get("annotations"))
            found.alerts.append(
                Alert(
                    name=text_of(rule.get("alert"))[:_LONGEST_WORD],
                    expr=text_of(rule.get("expr"))[:_LONGEST_TEXT],
                    for_=text_of(rule.get("for"))[:_LONGEST_WORD],
                    severity=text_of(labels.get("severity"))[:_LONGEST_WORD],
                    summary=_summary(annotations)[:_LONGEST_TEXT],
                    group=group[:_LONGEST_WORD],
                    line=rule.line_of("alert"),
                )
            )


def _summary(annotations: LineDict) -> str:
    names = ("summary", "message", "description")
    return next((text for name in names if (text := text_of(annotations.get(name)))), "")


def _check_rule(found: Alerts, rule: LineDict, group: str) -> None:
    name = text_of(rule.get("alert"))
    what = f"alert {name[:_LONGEST_WORD]!r}" if name else "a rule"
    if "record" in rule and "alert" in rule:
        found.findings.error(rule.line, f"{what} has both `record` and `alert`")
    elif not name and not text_of(rule.get("record")):
        found.findings.error(rule.line, "a rule without a name (`alert:` or `record:`)")
    _refuse_unknown(found, rule, _RULE_KEYS, what)
    _check_expression(found, rule, what)
    for key in ("for", "keep_firing_for"):
        value = text_of(rule.get(key))
        if value and not _DURATION.fullmatch(value):
            reason = f"{what}: `{key}: {value[:40]}` is no duration such as 5m or 1h30m"
            found.findings.error(rule.line_of(key), reason)
    for key in ("labels", "annotations"):
        _check_labels(found, rule, key, what)
    if name:
        _check_twice(found, rule, name, group)


def _check_expression(found: Alerts, rule: LineDict, what: str) -> None:
    line = rule.line_of("expr")
    expr = text_of(rule.get("expr"))
    if not expr:
        found.findings.error(line, f"{what} has no expression (`expr:`)")
        return
    try:
        if problem := found.budget.problem_of(expr):
            found.findings.error(line, f"{what}: the expression is not valid PromQL: {problem}")
    except promql.TooComplex as reason:
        found.findings.warning(line, f"{what}: the expression is {reason}")


def _check_labels(found: Alerts, rule: LineDict, key: str, what: str) -> None:
    labels = rule.get(key)
    if labels is None:
        return
    if not isinstance(labels, LineDict):
        found.findings.error(rule.line_of(key), f"{what}: `{key}` is no mapping")
        return
    for name, value in labels.items():
        line = labels.line_of(name)
        shown = text_of(name)[:60]
        if not shown or name == "__name__":
            found.findings.error(line, f"{what}: {shown!r} cannot name a label")
        elif len(name) > _LONGEST_NAME or not _LABEL_NAME.fullmatch(name):
            reason = f"{what}: {shown!r} cannot name a label before Prometheus 3"
            found.findings.warning(line, reason)
        if isinstance(value, LineDict | list):
            found.findings.error(line, f"{what}: {key}.{name} is no text")
        elif text_of(value).count("{{") != text_of(value).count("}}"):
            reason = f"{what}: {key}.{name}: `{{{{` and `}}}}` do not pair"
            found.findings.warning(line, reason)


def _check_twice(found: Alerts, rule: LineDict, name: str, group: str) -> None:
    """The same alert with the same labels: Prometheus loads it, and it fires twice."""
    labels = mapping_of(rule.get("labels"))
    key = (group, name, *sorted(f"{label}={value}" for label, value in labels.items()))
    if key in found.seen:
        reason = f"alert {name[:_LONGEST_WORD]!r} stands twice with the same labels"
        found.findings.warning(rule.line_of("alert"), reason)
    found.seen.add(key)


def _refuse_unknown(found: Alerts, mapping: LineDict, known: set[str], what: str) -> None:
    for key in mapping:
        if str(key) not in known:
            reason = f"{what}: Prometheus knows no field {str(key)[:60]!r} here"
            found.findings.error(mapping.line_of(key), reason)
