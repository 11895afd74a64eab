"""Find alerting rules in a file, and check whether Prometheus would load them.

The checks follow Prometheus' `rulefmt` package and "Defining recording rules" and "Alerting rules"
in its documentation. Prometheus rejects a whole file because of one invalid rule.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

from pydantic import BaseModel

from hub.content.rules import promql
from hub.content.rules.compatibility import (
    UTF8_NAMES,
    UTF8_RULE_NAMES,
    FileNeeds,
    Need,
    needs_of_fields,
    needs_of_template,
    prometheus_since,
)
from hub.content.rules.go_template import (
    PROMETHEUS_FUNCTIONS,
    PROMETHEUS_VARIABLES,
    check_template,
    words_of,
)
from hub.content.rules.parsing import PLACEHOLDER, ParseBudget
from hub.content.rules.report import (
    NESTED_FORMS,
    About,
    Alert,
    AlertsForm,
    Finding,
    Findings,
    Level,
    RecordingRule,
)
from hub.content.rules.rule_file import (
    Group,
    Rule,
    RuleFile,
    RuleSpec,
    describe,
    duration,
    problems,
)
from hub.content.rules.values import (
    LineDict,
    as_text,
    dicts_in,
    embedded_files,
    mappings_below,
    resources,
    text_of,
)

# Prometheus Operator and Google Managed Prometheus use the same format.
_PROMETHEUS_RESOURCES = {"PrometheusRule", "Rules", "ClusterRules", "GlobalRules"}
# VictoriaMetrics has fields and functions of its own.
RULE_RESOURCES = {*_PROMETHEUS_RESOURCES, "VMRule"}
_LOKI = "loki.grafana.com/"
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_GROUPS = {"groups", "group"}  # the key of a rule file, and how it is misspelt
_PLACEHOLDER_WORD = re.compile(rf"(?<![a-zA-Z0-9]){PLACEHOLDER}(?![a-zA-Z0-9])")
_ADD_GROUPS = re.compile(r"^[ \t]*#.*\bgroups:", re.MULTILINE)  # a comment in a fragment
_OLD_ALERT = re.compile(r"^ALERT[ \t]+(\w+)\s+IF\b", re.MULTILINE)
_MAX_NAME_LENGTH = 1_000
# YAML aliases may repeat rules very often; the largest known rule files have fewer than a thousand.
MAX_RULES = 2_000
_MAX_TEXT_LENGTH = 2_000  # characters stored of an expression or a summary
_MAX_FIELD_LENGTH = 200  # characters stored of any other field


@dataclass
class Alerts:
    """The results so far.

    `template`: Helm template actions were removed from the file. `level`: of findings about single
    rules; an error, unless another program than Prometheus loads them. `recording`: there are
    recording rules. `groups`: there is a list of groups without `groups:`. `rendered`: an
    expression has actions that only a chart can render. `loki`: the rules are in Loki's resource.
    """

    budget: ParseBudget
    template: bool = False
    alerts: list[Alert] = field(default_factory=list)
    findings: Findings = field(default_factory=lambda: Findings(About.ALERTS))
    form: AlertsForm | None = None  # the first form in the file
    level: Level = Level.ERROR
    rules: int = 0
    recording: bool = False
    recording_rules: list[RecordingRule] = field(default_factory=list)
    groups: bool = False
    rendered: bool = False
    loki: bool = False
    expr_budget: promql.Budget = field(default_factory=promql.Budget)
    seen: set[tuple[str, ...]] = field(default_factory=set)
    templates: set[int] = field(default_factory=set)  # ids of the texts that are checked
    needs: FileNeeds = field(default_factory=FileNeeds)


def find_old_alerts(text: str) -> tuple[list[Alert], list[Finding]]:
    """Find alerts in the format of Prometheus 1, which was no YAML."""
    alerts = [
        Alert(match[1][:_MAX_FIELD_LENGTH], line=text.count("\n", 0, match.start()) + 1)
        for match in islice(_OLD_ALERT.finditer(text), MAX_RULES)
    ]
    reason = "the format of Prometheus 1: convert it with `promtool update rules` of Prometheus 2.0"
    return alerts, [Finding(Level.ERROR, About.ALERTS, each.line, reason) for each in alerts[:1]]


def find_alerts(
    documents: list[Any], budget: ParseBudget, text: str = "", *, template: bool = False
) -> Alerts:
    """Find the alerting rules in a file's documents. `template`: as in `Alerts`.

    `text` is the file's text, for comments.
    """
    found = Alerts(budget, template)
    for number, document in enumerate(documents):
        if number and _is_rule_file(document):
            _read_ignored(found, document)
        elif isinstance(document, list):
            _read_list(found, document)
        else:
            for resource in resources([document]):
                _read_mapping(found, resource)
    if template:  # a name that consists only of an action is unknown
        found.alerts = [alert for alert in found.alerts if alert.name != PLACEHOLDER]
    if not found.alerts:
        # without findings about recording rules
        nothing = Alerts(budget, recording=found.recording)
        nothing.recording_rules = found.recording_rules
        if found.loki:
            nothing.findings.note(1, "LogQL rules for Loki, not for Prometheus")
        return nothing
    line = found.alerts[0].line
    if template:
        found.form = AlertsForm.TEMPLATE
    elif found.form == AlertsForm.FRAGMENT:
        reason = "put the rules below `groups:`, in a group with a name and `rules:`"
        # Without the comment, the first line of a rule file is missing.
        level = Level.ERROR if found.groups and not _ADD_GROUPS.search(text) else Level.WARNING
        found.findings.add(level, line, f"not a complete rule file: {reason}")
    elif found.form in NESTED_FORMS and found.rendered:
        found.form = AlertsForm.RENDERED
    elif found.form in NESTED_FORMS:
        reason = "Helm can use them as chart values, but Prometheus cannot load the file"
        found.findings.note(line, f"the rules are below other keys: {reason}")
    found.needs.add_to(found.findings)
    return found


def _note_needs(found: Alerts, line: int, needs: Iterable[Need]) -> None:
    """Remember what only some versions of Prometheus have, except for other programs' rules."""
    if found.level == Level.ERROR:
        found.needs.note(line, needs)


def _is_rule_file(document: Any) -> bool:
    """Whether a document is meant to be a rule file, and is no resource of Kubernetes."""
    if not isinstance(document, LineDict) or "kind" in document:
        return False
    if any(str(key).casefold() in _GROUPS for key in document):
        return True
    # a list of groups below a misspelt key
    return len(document) == 1 and any("rules" in g for v in document.values() for g in dicts_in(v))


def _read_ignored(found: Alerts, document: LineDict) -> None:
    """Read a rule file that Prometheus ignores, because it is not the first document."""
    alerts = list(_alerts_below(document))
    if not alerts:
        return
    reason = (
        "Prometheus loads only the first document of a file, and ignores the alerts in this one"
    )
    if found.alerts:
        found.findings.warning(document.line, reason)
    else:
        found.form = found.form or AlertsForm.GROUPS
        found.alerts += alerts
        found.findings.error(document.line, reason)


def _read_list(found: Alerts, document: list[Any]) -> None:
    """Read a list of groups or of rules, which is to be pasted below `groups:`."""
    items = list(dicts_in(document))
    rules = [item for item in items if _is_alert(item)]
    if any("rules" in item for item in items):
        found.form, found.groups = found.form or AlertsForm.FRAGMENT, True
        _check_structure(found, Group, items)
        _read_groups(found, items)
    elif rules:
        found.form = found.form or AlertsForm.FRAGMENT
        _check_structure(found, Rule, rules)
        _read_rules(found, rules)


def _read_mapping(found: Alerts, document: LineDict) -> None:
    kind = document.text("kind")
    if kind in RULE_RESOURCES:
        _read_resource(found, document, kind)
    elif kind == "ConfigMap":
        for _, text, line in embedded_files(document):
            if "alert" in text or "record" in text:
                _read_embedded(found, text, line)
    elif document.text("apiVersion").startswith(_LOKI):
        found.loki = True
    elif _is_rule_file(document):
        _read_file(found, document)
    elif _is_alert(document) or _is_group(document):
        _read_list(found, [document])
    else:
        _read_nested(found, document)


def _is_group(document: LineDict) -> bool:
    """Whether a document is one group of rules; the values of charts have `rules`, too."""
    known = document.keys() <= Group.model_fields.keys()
    return known and isinstance(document.get("rules"), list)


def _read_file(found: Alerts, document: LineDict) -> None:
    """Read a rule file. Its alerts may be in a place where Prometheus does not expect them."""
    known, first = len(found.alerts), found.form
    found.form = first or AlertsForm.GROUPS
    _check_structure(found, RuleFile, [document])
    _read_groups(found, document.get("groups"))
    if len(found.alerts) == known:
        found.alerts += _alerts_below(document)
    if len(found.alerts) == known:
        found.form = first


def _read_resource(found: Alerts, document: LineDict, kind: str) -> None:
    found.form = found.form or AlertsForm.RESOURCE
    spec = document.child("spec")
    if kind in _PROMETHEUS_RESOURCES:
        _check_structure(found, RuleSpec, [spec])
        known = len(found.alerts)
        _read_groups(found, spec.get("groups"))
        if len(found.alerts) == known:
            found.alerts += _alerts_below(spec)
    else:
        level, found.level = found.level, Level.WARNING
        _read_groups(found, spec.get("groups"))
        found.level = level


def _read_embedded(found: Alerts, text: str, line: int) -> None:
    inner = Alerts(found.budget, found.template, rules=found.rules, expr_budget=found.expr_budget)
    for document in found.budget.parse_embedded(text).documents:
        # No tool reads a ConfigMap inside a ConfigMap, and the nesting could be very deep.
        if isinstance(document, list):
            _read_list(inner, document)
        elif isinstance(document, LineDict) and document.text("kind") != "ConfigMap":
            _read_mapping(inner, document)
    found.rules = inner.rules
    found.recording_rules += [
        replace(rule, line=rule.line + line) for rule in inner.recording_rules
    ]
    if not inner.alerts:
        return
    found.form = found.form or AlertsForm.RESOURCE
    found.alerts += [replace(alert, line=alert.line + line) for alert in inner.alerts]
    for finding in inner.findings:
        found.findings.add(finding.level, finding.line + line, finding.reason, needs=finding.needs)
    for need, need_line in inner.needs.items():
        found.needs.note(need_line + line, [need])


def _is_alert(item: LineDict) -> bool:
    """Whether a mapping is meant to be an alerting rule: the values of charts have `alert`, too."""
    name = next((value for key, value in item.items() if str(key).casefold() == "alert"), None)
    return isinstance(name, str)


def _alerts_below(root: Any) -> Iterator[Alert]:
    """Yield the alerts anywhere in a document."""
    for node in mappings_below(root):
        if isinstance(node, LineDict) and _is_alert(node):
            key = next(key for key in node if str(key).casefold() == "alert")
            name = text_of(node[key])[:_MAX_FIELD_LENGTH]
            yield Alert(name, node.text("expr")[:_MAX_TEXT_LENGTH], line=node.line_of(key))


def _read_nested(found: Alerts, document: LineDict) -> None:
    """Read the rules below any keys. In a mapping, only a chart's template makes them a list."""
    for node in mappings_below(document):
        listed = isinstance(node, list)
        items = node if listed else list(node.values())
        rules = [item for item in dicts_in(items) if "expr" in item and _is_alert(item)]
        if rules:
            found.form = found.form or (AlertsForm.NESTED if listed else AlertsForm.MAPPED)
            _read_rules(found, rules)


def _check_structure(found: Alerts, model: type[BaseModel], items: list[LineDict]) -> None:
    if found.template:  # its structure is known only after it is rendered
        return
    for item in items:
        for line, reason in problems(model, item):
            found.findings.error(line, reason)


def _read_groups(found: Alerts, groups: Any) -> None:
    names: dict[str, int] = {}
    for group in dicts_in(groups):
        name = str(group.get("name") or "")
        shown, line = repr(name[:_MAX_FIELD_LENGTH]), group.line_of("name")
        if not found.template:  # the rendered name is unknown
            if not name:
                found.findings.error(group.line, "a group has no name")
            elif name in names:
                reason = f"duplicate group name {shown} (first on line {names[name]})"
                found.findings.error(line, reason)
            _check_names(found, group, "labels", f"group {shown}")
            _check_fields(found, group, group=True)
        names[name] = line
        _read_rules(found, group.get("rules"), name)


def _read_rules(found: Alerts, rules: Any, group: str = "") -> None:
    for rule in rules if isinstance(rules, list) else []:
        line = getattr(rule, "line", 1)
        found.rules += 1
        if found.rules > MAX_RULES:
            if found.rules == MAX_RULES + 1:
                reason = f"too many rules: only the first {MAX_RULES:,} are checked"
                found.findings.append(Finding(Level.WARNING, About.ALERTS, line, reason))
            return
        if not isinstance(rule, LineDict):
            continue
        found.recording = found.recording or "record" in rule
        check = _metrics_of_template if found.template else partial(_check_rule, group=group)
        metrics = check(found, rule)
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
                    metrics=metrics,
                )
            )
        elif record := rule.text("record")[:_MAX_FIELD_LENGTH]:
            line = rule.line_of("record")
            found.recording_rules.append(RecordingRule(record, metrics, line))


def _metrics_of_template(found: Alerts, rule: LineDict) -> tuple[str, ...]:
    """Return the metrics of a rule in a template, except names that contain a placeholder."""
    try:
        names = found.expr_budget.check(as_text(rule.get("expr"))).metrics
    except promql.TooComplex:
        return ()
    return tuple(name for name in names if not _PLACEHOLDER_WORD.search(name))


def _summary(annotations: LineDict) -> str:
    """Return the first annotation that describes the problem, or ""."""
    texts = map(annotations.text, ("summary", "message", "description"))
    return next(filter(None, texts), "")


def _check_rule(found: Alerts, rule: LineDict, group: str) -> tuple[str, ...]:
    """Check what the structure does not say, add findings, and return the metrics that it uses."""
    what, name, record = describe(rule), rule.text("alert"), rule.text("record")
    if name and record:
        found.findings.error(rule.line, f"{what} has both `record` and `alert`")
    elif not name and not record:
        found.findings.error(rule.line, "a rule has no name (`alert:` or `record:`)")
    elif record:
        _check_recording(found, rule, record)
    metrics = _check_expression(found, rule, what)
    _check_fields(found, rule, group=False)
    for key in ("labels", "annotations"):
        _check_names(found, rule, key, what)
        if name:
            _check_templates(found, rule.child(key), key, what)
    if name:
        # Prometheus loads both, and the alert fires twice.
        labels = sorted(f"{label}={value}" for label, value in rule.child("labels").items())
        if (group, name, *labels) in found.seen:
            reason = f"{what} is defined twice with the same labels"
            found.findings.warning(rule.line_of("alert"), reason)
        found.seen.add((group, name, *labels))
    return metrics


def _check_fields(found: Alerts, item: LineDict, *, group: bool) -> None:
    for key, need in needs_of_fields(item, group=group):
        _note_needs(found, item.line_of(key), [need])


def _check_recording(found: Alerts, rule: LineDict, name: str) -> None:
    shown, line = name[:_MAX_FIELD_LENGTH], rule.line_of("record")
    for key in ("for", "keep_firing_for", "annotations"):
        if duration(rule.text(key)) or rule.child(key):
            reason = f"recording rule {shown!r}: `{key}` is allowed only in alerting rules"
            found.findings.error(rule.line_of(key), reason)
    if "{" in name or "}" in name:
        found.findings.error(line, f"recording rule {shown!r}: braces are not allowed in the name")
    elif not _METRIC_NAME.fullmatch(name):
        need = prometheus_since(f"the name of recording rule {shown!r}", UTF8_RULE_NAMES)
        _note_needs(found, line, [need])


def _check_expression(found: Alerts, rule: LineDict, what: str) -> tuple[str, ...]:
    """Check a rule's expression, and return the metrics that it uses."""
    expr, line = as_text(rule.get("expr")), rule.line_of("expr")
    if not expr:
        found.findings.error(line, f"{what} has no expression (`expr:`)")
        return ()
    if found.form in NESTED_FORMS and "{{" in expr:
        found.rendered = True
        return ()
    try:
        checked = found.expr_budget.check(expr)
    except promql.TooComplex as limit:
        found.findings.warning(line, f"{what}: the expression is {limit}")
        return ()
    if checked.problem:
        logql = "it is LogQL, for Loki" if promql.is_logql(expr) else ""
        reason = f"{what}: the expression is not valid PromQL: {logql or checked.problem}"
        found.findings.add(found.level, line, reason)
    for warning in checked.warnings:
        found.findings.warning(line, f"{what}: {warning}")
    for need in checked.needs:
        if need.experimental:
            found.findings.warning(line, f"{what}: {need.reason}", needs=need.needs)
        else:
            _note_needs(found, line, [need])
    return checked.metrics


def _check_names(found: Alerts, item: LineDict, key: str, what: str) -> None:
    """Check the names of labels or annotations."""
    names = item.child(key)
    for name in names:
        line, shown = names.line_of(name), str(name or "")[:60]
        if not shown or (name == "__name__" and key == "labels"):
            found.findings.error(line, f"{what}: {shown!r} is not a valid label name")
        elif len(name) > _MAX_NAME_LENGTH or not _LABEL_NAME.fullmatch(name):
            need = prometheus_since(f"the name {shown!r} of a label or annotation", UTF8_NAMES)
            _note_needs(found, line, [need])


def _check_templates(found: Alerts, texts: LineDict, key: str, what: str) -> None:
    for name, value in texts.items():
        if id(value) in found.templates or found.form in NESTED_FORMS:
            continue  # an alias repeats it, or Helm renders it before Prometheus
        found.templates.add(id(value))
        text, line = as_text(value), texts.line_of(name)
        if "{{" not in text:
            continue
        if error := check_template(text, PROMETHEUS_FUNCTIONS, PROMETHEUS_VARIABLES):
            reason = f"{what}: {key}.{str(name)[:60]} is not a valid template: {error}"
            found.findings.add(found.level, line, reason)
        else:
            _note_needs(found, line, needs_of_template(words_of(text)))
