"""Alerting rules: where a file holds them, and whether Prometheus would load them.

What Prometheus refuses is taken from its `rulefmt` package and from "Defining recording rules" and
"Alerting rules" of its documentation; one bad rule makes it refuse the whole file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hub.content.rules import parsing, promql
from hub.content.rules.parsing import Mapping
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
_MOST_FINDINGS = 100
# Aliases may repeat rules without end; the largest collections in the wild have under a thousand.
_MOST_RULES = 2_000
_LONGEST_TEXT = 2_000  # characters kept of an expression or a summary
_LONGEST_WORD = 200  # of everything else


@dataclass
class Alerts:
    """What was found so far."""

    embedded: parsing.Embedded
    alerts: list[Alert] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    form: AlertsForm | None = None
    rules: int = 0
    budget: promql.Budget = field(default_factory=promql.Budget)
    seen: set[tuple[str, ...]] = field(default_factory=set)

    def add(self, level: Level, line: int, reason: str) -> None:
        """Add a finding about the rules."""
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(Finding(level, About.ALERTS, line, reason))

    def found(self, form: AlertsForm) -> None:
        """Note the form; a file that has several is as good as the first."""
        self.form = self.form or form


def find_alerts(
    documents: list[Any], embedded: parsing.Embedded, *, template: bool = False
) -> Alerts:
    """The alerting rules of a file's documents. `template`: Helm's actions were taken out."""
    found = Alerts(embedded)
    for document in resources(documents):
        _read_document(found, document, template=template)
    if template:  # a name that is all action names no alert
        found.alerts = [alert for alert in found.alerts if alert.name != parsing.TAKEN_OUT]
    if not found.alerts:
        # Recording rules alone, or none: what is wrong with them is no matter of alerts.
        return Alerts(embedded)
    if template:
        found.form = AlertsForm.TEMPLATE
    elif found.form == AlertsForm.FRAGMENT:
        found.add(
            Level.WARNING,
            found.alerts[0].line,
            "a part of a rule file: put it below `groups:`, as a group with a name and `rules:`",
        )
    elif found.form == AlertsForm.NESTED:
        found.add(
            Level.NOTE,
            found.alerts[0].line,
            "the rules stand below other keys: for a chart's values, not for Prometheus itself",
        )
    return found


def _read_document(found: Alerts, document: Any, *, template: bool) -> None:
    before = len(found.alerts)
    if isinstance(document, list):
        items = list(mappings_in(document))
        if any("rules" in item for item in items):
            found.found(AlertsForm.FRAGMENT)
            _read_groups(found, items, template=template)
        else:
            _read_rules(found, [item for item in items if "alert" in item], "", template=template)
            if len(found.alerts) > before:
                found.found(AlertsForm.FRAGMENT)
        return
    if not isinstance(document, Mapping):
        return
    kind = text_of(document.get("kind"))
    if kind in RULE_RESOURCES:
        found.found(AlertsForm.RESOURCE)
        _read_groups(found, mapping_of(document.get("spec")).get("groups"), template=template)
    elif kind == "ConfigMap":
        for _, text, line in embedded_files(document):
            if "alert" in text:
                _read_embedded(found, text, line, template=template)
    elif isinstance(document.get("groups"), list):
        found.found(AlertsForm.GROUPS)
        _refuse_unknown(found, document, {"groups"}, "the file")
        _read_groups(found, document["groups"], template=template)
    elif "alert" in document or isinstance(document.get("rules"), list):
        found.found(AlertsForm.FRAGMENT)
        if "alert" in document:
            _read_rules(found, [document], "", template=template)
        else:
            _read_groups(found, [document], template=template)
    else:
        for rules in _nested_rules(document):
            _read_rules(found, rules, "", template=template)
            found.found(AlertsForm.NESTED)


def _read_embedded(found: Alerts, text: str, line: int, *, template: bool) -> None:
    inner = Alerts(found.embedded, rules=found.rules, budget=found.budget)
    for document in found.embedded.parse(text).documents:
        # A ConfigMap inside a ConfigMap is nothing that a tool reads, and could go on without end.
        if text_of(mapping_of(document).get("kind")) != "ConfigMap":
            _read_document(inner, document, template=template)
    found.rules = inner.rules
    if not inner.alerts:
        return
    found.found(AlertsForm.RESOURCE)
    found.alerts += [_moved(alert, line) for alert in inner.alerts]
    for finding in inner.findings:
        found.add(finding.level, finding.line + line, finding.reason)


def _moved(alert: Alert, by: int) -> Alert:
    return Alert(**{**vars(alert), "line": alert.line + by})


def _nested_rules(document: Any) -> Iterator[list[Any]]:
    """Lists of rules anywhere below other keys, in order; what aliases repeat is seen once."""
    left = [document]
    seen: set[int] = set()
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Mapping):
            left.extend(reversed(node.values()))
        elif isinstance(node, list):
            rules = [item for item in mappings_in(node) if "alert" in item and "expr" in item]
            if rules:
                yield rules
            else:
                left.extend(item for item in reversed(node) if isinstance(item, Mapping | list))


def _read_groups(found: Alerts, groups: Any, *, template: bool) -> None:
    names: dict[str, int] = {}
    for group in list_of(groups):
        if not isinstance(group, Mapping):
            continue
        name = text_of(group.get("name"))
        if not name and not template:
            found.add(Level.ERROR, group.line, "a group without a name")
        elif name in names and not template:
            found.add(
                Level.ERROR,
                group.line_of("name"),
                f"two groups are named {name[:_LONGEST_WORD]!r} (the first on line {names[name]})",
            )
        names[name] = group.line_of("name")
        _refuse_unknown(found, group, _GROUP_KEYS, f"group {name[:_LONGEST_WORD]!r}")
        interval = text_of(group.get("interval"))
        if interval and not template and not _DURATION.fullmatch(interval):
            found.add(Level.ERROR, group.line_of("interval"), f"{interval[:40]!r} is no duration")
        _read_rules(found, list_of(group.get("rules")), name, template=template)


def _read_rules(found: Alerts, rules: list[Any], group: str, *, template: bool) -> None:
    for rule in rules:
        found.rules += 1
        if found.rules > _MOST_RULES:
            if found.rules == _MOST_RULES + 1:
                reason = f"too many rules: only the first {_MOST_RULES:,} are judged"
                found.findings.append(Finding(Level.WARNING, About.ALERTS, line_of(rule), reason))
            return
        if not isinstance(rule, Mapping):
            if rule is not None:
                found.add(Level.ERROR, line_of(rule), "a rule that is no mapping")
            continue
        if not template:  # what its values would make of it cannot be known
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


def _summary(annotations: Mapping) -> str:
    """The annotation that says in a line what is wrong."""
    for name in ("summary", "message", "description"):
        if text := text_of(annotations.get(name)):
            return text
    return ""


def _check_rule(found: Alerts, rule: Mapping, group: str) -> None:
    """Add what is wrong with a rule."""
    name = text_of(rule.get("alert"))
    what = f"alert {name[:_LONGEST_WORD]!r}" if name else "a rule"
    if "record" in rule and "alert" in rule:
        found.add(Level.ERROR, rule.line, f"{what} has both `record` and `alert`")
    elif not name and not text_of(rule.get("record")):
        found.add(Level.ERROR, rule.line, "a rule without a name (`alert:` or `record:`)")
    _refuse_unknown(found, rule, _RULE_KEYS, what)
    _check_expression(found, rule, what)
    for key in ("for", "keep_firing_for"):
        value = text_of(rule.get(key))
        if value and not _DURATION.fullmatch(value):
            found.add(
                Level.ERROR,
                rule.line_of(key),
                f"{what}: `{key}: {value[:40]}` is no duration such as 5m or 1h30m",
            )
    for key in ("labels", "annotations"):
        _check_labels(found, rule, key, what)
    if name:
        _check_twice(found, rule, name, group)


def _check_expression(found: Alerts, rule: Mapping, what: str) -> None:
    line = rule.line_of("expr")
    expr = text_of(rule.get("expr"))
    if not expr:
        found.add(Level.ERROR, line, f"{what} has no expression (`expr:`)")
        return
    try:
        problem = found.budget.problem_of(expr)
    except promql.TooComplex as reason:
        found.add(Level.WARNING, line, f"{what}: the expression is {reason}")
        return
    if problem:
        found.add(Level.ERROR, line, f"{what}: the expression is not valid PromQL: {problem}")


def _check_labels(found: Alerts, rule: Mapping, key: str, what: str) -> None:
    labels = rule.get(key)
    if labels is None:
        return
    if not isinstance(labels, Mapping):
        found.add(Level.ERROR, rule.line_of(key), f"{what}: `{key}` is no mapping")
        return
    for name, value in labels.items():
        line = labels.line_of(name)
        shown = text_of(name)[:60]
        if not shown or name == "__name__":
            found.add(Level.ERROR, line, f"{what}: {shown!r} cannot name a label")
        elif len(name) > _LONGEST_NAME or not _LABEL_NAME.fullmatch(name):
            reason = f"{what}: {shown!r} cannot name a label before Prometheus 3"
            found.add(Level.WARNING, line, reason)
        if isinstance(value, Mapping | list):
            found.add(Level.ERROR, line, f"{what}: {key}.{name} is no text")
        elif text_of(value).count("{{") != text_of(value).count("}}"):
            found.add(
                Level.WARNING,
                line,
                f"{what}: {key}.{name}: `{{{{` and `}}}}` do not pair",
            )


def _check_twice(found: Alerts, rule: Mapping, name: str, group: str) -> None:
    """The same alert with the same labels: Prometheus loads it, and it fires twice."""
    labels = mapping_of(rule.get("labels"))
    key = (group, name, *sorted(f"{label}={value}" for label, value in labels.items()))
    if key in found.seen:
        found.add(
            Level.WARNING,
            rule.line_of("alert"),
            f"alert {name[:_LONGEST_WORD]!r} stands twice with the same labels",
        )
    found.seen.add(key)


def _refuse_unknown(found: Alerts, mapping: Mapping, known: set[str], what: str) -> None:
    for key in mapping:
        if str(key) not in known:
            found.add(
                Level.ERROR,
                mapping.line_of(key),
                f"{what}: Prometheus knows no field {str(key)[:60]!r} here",
            )
