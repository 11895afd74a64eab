"""Alerting rules: where a file holds them, and whether Prometheus would load them.

What Prometheus refuses is taken from its `rulefmt` package and from "Defining recording rules" and
"Alerting rules" of its documentation; one bad rule makes it refuse the whole file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hub.content.rules import promql
from hub.content.rules.parsing import TAKEN_OUT, Effort
from hub.content.rules.report import About, Alert, AlertsForm, Finding, Findings, Level
from hub.content.rules.values import LineDict, dicts_in, embedded_files, resources, text_of

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
# Aliases may repeat rules without end; the largest collections in the wild have under a thousand.
_MOST_RULES = 2_000
_LONGEST_TEXT = 2_000  # characters kept of an expression or a summary
_LONGEST_WORD = 200  # of everything else


@dataclass
class Alerts:
    """What was found so far. `template`: Helm's actions were taken out of the file."""

    effort: Effort
    template: bool = False
    alerts: list[Alert] = field(default_factory=list)
    findings: Findings = field(default_factory=lambda: Findings(About.ALERTS))
    form: AlertsForm | None = None  # the first; a file that has several is as good as it
    rules: int = 0
    budget: promql.Budget = field(default_factory=promql.Budget)
    seen: set[tuple[str, ...]] = field(default_factory=set)


def find_alerts(documents: list[Any], effort: Effort, *, template: bool = False) -> Alerts:
    """The alerting rules of a file's documents. `template`: Helm's actions were taken out."""
    found = Alerts(effort, template)
    for document in documents:
        if isinstance(document, list):
            _read_list(found, document)
        for resource in resources([document]):
            _read_mapping(found, resource)
    if template:  # a name that is all action names no alert
        found.alerts = [alert for alert in found.alerts if alert.name != TAKEN_OUT]
    if not found.alerts:
        # Recording rules alone, or none: what is wrong with them is no matter of alerts.
        return Alerts(effort)
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


def _read_list(found: Alerts, document: list[Any]) -> None:
    """A list of groups, or of rules."""
    items = list(dicts_in(document))
    rules = [item for item in items if "alert" in item]
    if any("rules" in item for item in items):
        found.form = found.form or AlertsForm.FRAGMENT
        _read_groups(found, items)
    elif rules:
        found.form = found.form or AlertsForm.FRAGMENT
        _read_rules(found, rules)


def _read_mapping(found: Alerts, document: LineDict) -> None:
    kind = document.text("kind")
    if kind in RULE_RESOURCES:
        found.form = found.form or AlertsForm.RESOURCE
        _read_groups(found, document.child("spec").get("groups"))
    elif kind == "ConfigMap":
        for _, text, line in embedded_files(document):
            if "alert" in text:
                _read_embedded(found, text, line)
    elif isinstance(document.get("groups"), list):
        found.form = found.form or AlertsForm.GROUPS
        _refuse_unknown(found, document, {"groups"}, "the file")
        _read_groups(found, document["groups"])
    elif "alert" in document:
        found.form = found.form or AlertsForm.FRAGMENT
        _read_rules(found, [document])
    elif isinstance(document.get("rules"), list):
        found.form = found.form or AlertsForm.FRAGMENT
        _read_groups(found, [document])
    else:
        for rules in _nested_rules(document):
            found.form = found.form or AlertsForm.NESTED
            _read_rules(found, rules)


def _read_embedded(found: Alerts, text: str, line: int) -> None:
    inner = Alerts(found.effort, found.template, rules=found.rules, budget=found.budget)
    for document in found.effort.parse_embedded(text).documents:
        # A ConfigMap inside a ConfigMap is nothing that a tool reads, and could go on without end.
        if isinstance(document, list):
            _read_list(inner, document)
        elif isinstance(document, LineDict) and document.text("kind") != "ConfigMap":
            _read_mapping(inner, document)
    found.rules = inner.rules
    if not inner.alerts:
        return
    found.form = found.form or AlertsForm.RESOURCE
    found.alerts += [replace(alert, line=alert.line + line) for alert in inner.alerts]
    for finding in inner.findings:
        found.findings.add(finding.level, finding.line + line, finding.reason)


def _nested_rules(document: LineDict) -> Iterator[list[Any]]:
    """Lists of rules anywhere below other keys, in order; what aliases repeat is seen once."""
    left: list[Any] = [document]
    seen: set[int] = set()
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, LineDict):
            left.extend(reversed(node.values()))
        elif isinstance(node, list):
            rules = [item for item in dicts_in(node) if "alert" in item and "expr" in item]
            if rules:
                yield rules
            else:
                left.extend(item for item in reversed(node) if isinstance(item, LineDict | list))


def _read_groups(found: Alerts, groups: Any) -> None:
    names: dict[str, int] = {}
    for group in dicts_in(groups):
        name = group.text("name")
        shown, line = repr(name[:_LONGEST_WORD]), group.line_of("name")
        if not found.template:  # what its values would make of it cannot be known
            if not name:
                found.findings.error(group.line, "a group without a name")
            elif name in names:
                reason = f"two groups are named {shown} (the first on line {names[name]})"
                found.findings.error(line, reason)
        names[name] = line
        _refuse_unknown(found, group, _GROUP_KEYS, f"group {shown}")
        interval = group.text("interval")
        if interval and not found.template and not _DURATION.fullmatch(interval):
            reason = f"{interval[:40]!r} is no duration"
            found.findings.error(group.line_of("interval"), reason)
        _read_rules(found, group.get("rules"), name)


def _read_rules(found: Alerts, rules: Any, group: str = "") -> None:
    for rule in rules if isinstance(rules, list) else []:
        line = getattr(rule, "line", 1)
        found.rules += 1
        if found.rules > _MOST_RULES:
            if found.rules == _MOST_RULES + 1:
                reason = f"too many rules: only the first {_MOST_RULES:,} are judged"
                found.findings.append(Finding(Level.WARNING, About.ALERTS, line, reason))
            return
        if not isinstance(rule, LineDict):
            if rule is not None:
                found.findings.error(line, "a rule that is no mapping")
            continue
        if not found.template:
            _check_rule(found, rule, group)
        if "alert" in rule:
            found.alerts.append(
                Alert(
                    name=rule.text("alert")[:_LONGEST_WORD],
                    expr=rule.text("expr")[:_LONGEST_TEXT],
                    for_=rule.text("for")[:_LONGEST_WORD],
                    severity=rule.child("labels").text("severity")[:_LONGEST_WORD],
                    summary=_summary(rule.child("annotations"))[:_LONGEST_TEXT],
                    group=group[:_LONGEST_WORD],
                    line=rule.line_of("alert"),
                )
            )


def _summary(annotations: LineDict) -> str:
    """The annotation that says in a line what is wrong."""
    texts = map(annotations.text, ("summary", "message", "description"))
    return next(filter(None, texts), "")


def _check_rule(found: Alerts, rule: LineDict, group: str) -> None:
    """Add what is wrong with a rule."""
    name = rule.text("alert")
    what = f"alert {name[:_LONGEST_WORD]!r}" if name else "a rule"
    if "record" in rule and "alert" in rule:
        found.findings.error(rule.line, f"{what} has both `record` and `alert`")
    elif not name and not rule.text("record"):
        found.findings.error(rule.line, "a rule without a name (`alert:` or `record:`)")
    _refuse_unknown(found, rule, _RULE_KEYS, what)
    _check_expression(found, rule, what)
    for key in ("for", "keep_firing_for"):
        value = rule.text(key)
        if value and not _DURATION.fullmatch(value):
            reason = f"{what}: `{key}: {value[:40]}` is no duration such as 5m or 1h30m"
            found.findings.error(rule.line_of(key), reason)
    for key in ("labels", "annotations"):
        _check_labels(found, rule, key, what)
    if name:
        # Prometheus loads the same alert with the same labels, and it fires twice.
        labels = sorted(f"{label}={value}" for label, value in rule.child("labels").items())
        if (group, name, *labels) in found.seen:
            found.findings.warning(
                rule.line_of("alert"), f"{what} stands twice with the same labels"
            )
        found.seen.add((group, name, *labels))


def _check_expression(found: Alerts, rule: LineDict, what: str) -> None:
    line, expr = rule.line_of("expr"), rule.text("expr")
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
        line, shown, text = labels.line_of(name), text_of(name)[:60], text_of(value)
        if not shown or name == "__name__":
            found.findings.error(line, f"{what}: {shown!r} cannot name a label")
        elif len(name) > _LONGEST_NAME or not _LABEL_NAME.fullmatch(name):
            reason = f"{what}: {shown!r} cannot name a label before Prometheus 3"
            found.findings.warning(line, reason)
        if isinstance(value, LineDict | list):
            found.findings.error(line, f"{what}: {key}.{name} is no text")
        elif text.count("{{") != text.count("}}"):
            found.findings.warning(line, f"{what}: {key}.{name}: `{{{{` and `}}}}` do not pair")


def _refuse_unknown(found: Alerts, mapping: LineDict, known: set[str], what: str) -> None:
    for key in mapping:
        if str(key) not in known:
            reason = f"{what}: Prometheus knows no field {str(key)[:60]!r} here"
            found.findings.error(mapping.line_of(key), reason)
