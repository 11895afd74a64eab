"""Find alerting rules in a file, and check whether Prometheus would load them.

The checks follow Prometheus' `rulefmt` package and "Defining recording rules" and "Alerting rules"
in its documentation. Prometheus rejects a whole file because of one invalid rule.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hub.content.rules import promql
from hub.content.rules.parsing import PLACEHOLDER, ParseBudget
from hub.content.rules.report import About, Alert, AlertsForm, Finding, Findings, Level
from hub.content.rules.values import LineDict, dicts_in, embedded_files, resources, text_of

# Prometheus Operator, VictoriaMetrics Operator and Google Managed Prometheus use the same format.
RULE_RESOURCES = {"PrometheusRule", "VMRule", "Rules", "ClusterRules", "GlobalRules"}
_RULE_KEYS = {"alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"}
# partial_response_strategy is a field of Thanos, and allowed in a PrometheusRule.
_GROUP_KEYS = {"name", "interval", "query_offset", "limit", "rules", "labels"}
_GROUP_KEYS |= {"partial_response_strategy", "source_tenants"}
_DURATION = re.compile(
    r"0|(?=\d)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?"  # Prometheus' ParseDuration
)
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MAX_NAME_LENGTH = 1_000
# YAML aliases may repeat rules very often; the largest known rule files have fewer than a thousand.
_MAX_RULES = 2_000
_MAX_TEXT_LENGTH = 2_000  # characters stored of an expression or a summary
_MAX_FIELD_LENGTH = 200  # characters stored of any other field


@dataclass
class Alerts:
    """The results so far. `template`: Helm template actions were removed from the file."""

    budget: ParseBudget
    template: bool = False
    alerts: list[Alert] = field(default_factory=list)
    findings: Findings = field(default_factory=lambda: Findings(About.ALERTS))
    form: AlertsForm | None = None  # the first form in the file
    rules: int = 0
    expr_budget: promql.Budget = field(default_factory=promql.Budget)
    seen: set[tuple[str, ...]] = field(default_factory=set)


def find_alerts(documents: list[Any], budget: ParseBudget, *, template: bool = False) -> Alerts:
    """Find the alerting rules in a file's documents. `template`: as in `Alerts`."""
    found = Alerts(budget, template)
    for document in documents:
        if isinstance(document, list):
            _read_list(found, document)
        for resource in resources([document]):
            _read_mapping(found, resource)
    if template:  # a name that consists only of an action is unknown
        found.alerts = [alert for alert in found.alerts if alert.name != PLACEHOLDER]
    if not found.alerts:
        return Alerts(budget)  # without findings about recording rules
    line = found.alerts[0].line
    if template:
        found.form = AlertsForm.TEMPLATE
    elif found.form == AlertsForm.FRAGMENT:
        reason = "put the rules below `groups:`, in a group with a name and `rules:`"
        found.findings.warning(line, f"not a complete rule file: {reason}")
    elif found.form == AlertsForm.NESTED:
        reason = "Helm can use them as chart values, but Prometheus cannot load the file"
        found.findings.note(line, f"the rules are below other keys: {reason}")
    return found


def _read_list(found: Alerts, document: list[Any]) -> None:
    """Read a list of groups or of rules."""
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
        _check_fields(found, document, {"groups"}, "the file")
        _read_groups(found, document["groups"])
    elif "alert" in document:
        found.form = found.form or AlertsForm.FRAGMENT
        _read_rules(found, [document])
    elif isinstance(document.get("rules"), list):
        _read_list(found, [document])
    else:
        for rules in _nested_rules(document):
            found.form = found.form or AlertsForm.NESTED
            _read_rules(found, rules)


def _read_embedded(found: Alerts, text: str, line: int) -> None:
    inner = Alerts(found.budget, found.template, rules=found.rules, expr_budget=found.expr_budget)
    for document in found.budget.parse_embedded(text).documents:
        # No tool reads a ConfigMap inside a ConfigMap, and the nesting could be very deep.
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
    """Yield lists of rules below any keys, in order; lists repeated by aliases only once."""
    stack: list[Any] = [document]
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, LineDict):
            stack.extend(reversed(node.values()))
        elif isinstance(node, list):
            rules = [item for item in dicts_in(node) if "alert" in item and "expr" in item]
            if rules:
                yield rules
            else:
                stack.extend(item for item in reversed(node) if isinstance(item, LineDict | list))


def _read_groups(found: Alerts, groups: Any) -> None:
    names: dict[str, int] = {}
    for group in dicts_in(groups):
        name = group.text("name")
        shown, line = repr(name[:_MAX_FIELD_LENGTH]), group.line_of("name")
        if not found.template:  # the rendered name is unknown
            if not name:
                found.findings.error(group.line, "a group has no name")
            elif name in names:
                reason = f"duplicate group name {shown} (first on line {names[name]})"
                found.findings.error(line, reason)
        names[name] = line
        _check_fields(found, group, _GROUP_KEYS, f"group {shown}")
        interval = group.text("interval")
        if interval and not found.template and not _DURATION.fullmatch(interval):
            reason = f"interval {interval[:40]!r} is not a duration such as 1m"
            found.findings.error(group.line_of("interval"), reason)
        _read_rules(found, group.get("rules"), name)


def _read_rules(found: Alerts, rules: Any, group: str = "") -> None:
    for rule in rules if isinstance(rules, list) else []:
        line = getattr(rule, "line", 1)
        found.rules += 1
        if found.rules > _MAX_RULES:
            if found.rules == _MAX_RULES + 1:
                reason = f"too many rules: only the first {_MAX_RULES:,} are checked"
                found.findings.append(Finding(Level.WARNING, About.ALERTS, line, reason))
            return
        if not isinstance(rule, LineDict):
            if rule is not None:
                found.findings.error(line, "a rule is not a mapping")
            continue
        if not found.template:
            _check_rule(found, rule, group)
        if "alert" in rule:
            found.alerts.append(
                Alert(
                    name=rule.text("alert")[:_MAX_FIELD_LENGTH],
                    expr=rule.text("expr")[:_MAX_TEXT_LENGTH],
                    for_=rule.text("for")[:_MAX_FIELD_LENGTH],
                    severity=rule.child("labels").text("severity")[:_MAX_FIELD_LENGTH],
                    summary=_summary(rule.child("annotations"))[:_MAX_TEXT_LENGTH],
                    group=group[:_MAX_FIELD_LENGTH],
                    line=rule.line_of("alert"),
                )
            )


def _summary(annotations: LineDict) -> str:
    """Return the first annotation that describes the problem, or ""."""
    texts = map(annotations.text, ("summary", "message", "description"))
    return next(filter(None, texts), "")


def _check_rule(found: Alerts, rule: LineDict, group: str) -> None:
    """Check a rule and add findings."""
    name = rule.text("alert")
    what = f"alert {name[:_MAX_FIELD_LENGTH]!r}" if name else "a rule"
    if "record" in rule and "alert" in rule:
        found.findings.error(rule.line, f"{what} has both `record` and `alert`")
    elif not name and not rule.text("record"):
        found.findings.error(rule.line, "a rule has no name (`alert:` or `record:`)")
    _check_fields(found, rule, _RULE_KEYS, what)
    _check_expression(found, rule, what)
    for key in ("for", "keep_firing_for"):
        value = rule.text(key)
        if value and not _DURATION.fullmatch(value):
            reason = f"{what}: `{key}: {value[:40]}` is not a duration such as 5m or 1h30m"
            found.findings.error(rule.line_of(key), reason)
    for key in ("labels", "annotations"):
        _check_labels(found, rule, key, what)
    if name:
        # Prometheus loads both, and the alert fires twice.
        labels = sorted(f"{label}={value}" for label, value in rule.child("labels").items())
        if (group, name, *labels) in found.seen:
            reason = f"{what} is defined twice with the same labels"
            found.findings.warning(rule.line_of("alert"), reason)
        found.seen.add((group, name, *labels))


def _check_expression(found: Alerts, rule: LineDict, what: str) -> None:
    line, expr = rule.line_of("expr"), rule.text("expr")
    if not expr:
        found.findings.error(line, f"{what} has no expression (`expr:`)")
        return
    try:
        if problem := found.expr_budget.problem_of(expr):
            found.findings.error(line, f"{what}: the expression is not valid PromQL: {problem}")
    except promql.TooComplex as reason:
        found.findings.warning(line, f"{what}: the expression is {reason}")


def _check_labels(found: Alerts, rule: LineDict, key: str, what: str) -> None:
    labels = rule.get(key)
    if labels is None:
        return
    if not isinstance(labels, LineDict):
        found.findings.error(rule.line_of(key), f"{what}: `{key}` is not a mapping")
        return
    for name, value in labels.items():
        line, shown, text = labels.line_of(name), text_of(name)[:60], text_of(value)
        if not shown or name == "__name__":
            found.findings.error(line, f"{what}: {shown!r} is not a valid label name")
        elif len(name) > _MAX_NAME_LENGTH or not _LABEL_NAME.fullmatch(name):
            reason = f"{what}: {shown!r} is not a valid label name before Prometheus 3"
            found.findings.warning(line, reason)
        if isinstance(value, LineDict | list):
            found.findings.error(line, f"{what}: {key}.{name} is not a string")
        elif text.count("{{") != text.count("}}"):
            found.findings.warning(line, f"{what}: {key}.{name}: unbalanced `{{{{` and `}}}}`")


def _check_fields(found: Alerts, mapping: LineDict, known: set[str], what: str) -> None:
    for key in mapping:
        if str(key) not in known:
            reason = f"{what}: Prometheus rejects the unknown field {str(key)[:60]!r}"
            found.findings.error(mapping.line_of(key), reason)
