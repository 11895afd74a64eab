"""Tests of alerting rules: where they are found, what is read, and what is reported."""

import pytest

from hub.content.rules.judge import judge
from hub.content.rules.report import About, Alert, AlertsForm, FileReport

ONE = "alert: Down\nexpr: up == 0\n"
HEAD = "groups:\n- name: a\n  rules:\n"


def indented(text: str, by: int) -> str:
    return "".join(" " * by + line for line in text.splitlines(keepends=True))


def item(text: str, by: int) -> str:
    """Return `text` as an item of a list."""
    return " " * by + "- " + indented(text, by + 2).lstrip()


GROUPS = HEAD + item(ONE, 2)
RESOURCE = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec:\n"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\ndata:\n  x: y\n  r.yaml: |\n"


def said(report: FileReport) -> list[tuple[str, int, str]]:
    """Return the findings about alerts: level, line and reason."""
    return [(f.level.value, f.line, f.reason) for f in report.findings if f.about == About.ALERTS]


def test_what_is_read_of_an_alert() -> None:
    text = HEAD + item(
        ONE + "for: 5m\nlabels:\n  severity: page\nannotations:\n  summary: ' It is down '\n", 2
    )
    assert judge(text.encode()).alerts == (
        Alert("Down", "up == 0", "5m", "page", "It is down", "a", line=4, metrics=("up",)),
    )


@pytest.mark.parametrize(
    ("annotations", "summary"),
    [
        ("summary: a\n  message: b\n  description: c", "a"),
        ("description: c\n  message: b", "b"),
        ("description: c", "c"),
        ("runbook: d", ""),
    ],
)
def test_the_summary(annotations: str, summary: str) -> None:
    text = f"{ONE}annotations:\n  {annotations}\n"
    (alert,) = judge(text.encode()).alerts
    assert alert.summary == summary


@pytest.mark.parametrize(
    ("text", "form", "lines"),
    [
        (GROUPS, AlertsForm.GROUPS, [4]),
        ('{"groups": [{"name": "a", "rules": [\n{"alert": "A", "expr": "up"}]}]}', "groups", [2]),
        (RESOURCE + indented(GROUPS, 2), AlertsForm.RESOURCE, [7]),
        ("a: b\n---\n" + GROUPS, AlertsForm.GROUPS, [6]),
        ("kind: List\nitems:\n" + item(RESOURCE + indented(GROUPS, 2), 0), "resource", [9]),
        (CONFIG_MAP + indented(GROUPS, 4), AlertsForm.RESOURCE, [9]),
        (
            item(ONE, 0) + item(ONE, 0),
            "fragment",
            [1, 3],
        ),
        (HEAD.removeprefix("groups:\n") + item(ONE, 2), AlertsForm.FRAGMENT, [3]),
        (ONE, AlertsForm.FRAGMENT, [1]),
        ("name: a\nrules:\n" + item(ONE, 0), AlertsForm.FRAGMENT, [3]),
        ("image: x\nextra:\n  rules:\n" + item(ONE, 2), AlertsForm.NESTED, [4]),
        ("{{ if .Values.x }}\n" + GROUPS + "{{ end }}\n", AlertsForm.TEMPLATE, [5]),
        (GROUPS + "{{- range .Values.x }}\n" + item("alert: {{ . }}\n", 2), "template", [4]),
    ],
)
def test_forms(text: str, form: str, lines: list[int]) -> None:
    report = judge(text.encode())
    assert report.alerts_form == form
    assert [alert.line for alert in report.alerts] == lines


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# - alert: Down\n",
        "groups: []\n",
        "groups:\n- name: a\n  rules: []\n",
        HEAD + "  - record: a:b\n    expr: sum(up)\n",
        HEAD + "  - record: a:b\n    exp: sum(up)\n",
        RESOURCE + "  groups: []\n",
        "alerting:\n  alertmanagers: []\n",
        "alerts:\n- name: x\n",
        "route: {receiver: x}\nreceivers: [{name: x}]\n",
        "x: 'alert: none'\n",
        "{{ if .Values.x }}\n" + HEAD + "{{ toYaml .Values.rules }}\n{{ end }}\n",
    ],
)
def test_no_alerts(text: str) -> None:
    report = judge(text.encode())
    assert (report.alerts, report.alerts_form, said(report)) == ((), None, [])


@pytest.mark.parametrize(
    ("rule", "level", "line", "reason"),
    [
        ("alert: A\n", "error", 4, "alert 'A' has no expression (`expr:`)"),
        ("alert: A\nexpr: ''\n", "error", 5, "alert 'A' has no expression (`expr:`)"),
        ("alert:\nexpr: up\n", "error", 4, "a rule has no name (`alert:` or `record:`)"),
        ("expr: up\n", "error", 4, "a rule has no name (`alert:` or `record:`)"),
        ("alert: A\nrecord: b\nexpr: up\n", "error", 4, "alert 'A' has both"),
        ("alert: A\nexpr: up up\n", "error", 5, "alert 'A': the expression is not valid PromQL:"),
        ("alert: A\nexpr: |\n  up\n  )\n", "error", 5, "alert 'A': the expression is not valid"),
        ("alert: A\nexpr: up[5m]\n", "warning", 5, "alert 'A': the expression is a range vector"),
        ("record: a\nexpr: up up\n", "error", 5, "a rule: the expression is not valid PromQL"),
        (
            "alert: A\nexpr: up\nfor: 5 min\n",
            "error",
            6,
            "alert 'A': `for: 5 min` is not a duration",
        ),
        ("alert: A\nexpr: up\nkeep_firing_for: x\n", "error", 6, "alert 'A': `keep_firing_for: x`"),
        (
            "alert: A\nexpr: up\nlabel: {}\n",
            "error",
            6,
            "alert 'A': Prometheus rejects the unknown",
        ),
        ("alert: A\nexpr: up\nlabels: x\n", "error", 6, "alert 'A': `labels` is not a mapping"),
        ("alert: A\nexpr: up\nlabels:\n  a: [x]\n", "error", 7, "alert 'A': `labels.a` is not a"),
        (
            "alert: A\nexpr: up\nlabels:\n  '': x\n",
            "error",
            7,
            "alert 'A': '' is not a valid label",
        ),
        (
            "alert: A\nexpr: up\nlabels:\n  a.b: x\n",
            "note",
            7,
            "the name 'a.b' of a label or annotation needs Prometheus 3.0 or newer",
        ),
        (
            "alert: A\nexpr: up\nannotations:\n  a: '{{ x'\n",
            "error",
            7,
            "alert 'A': annotations.a",
        ),
        (
            "alert: A\nexpr: up" + " + up" * 201 + "\n",
            "warning",
            5,
            "alert 'A': the expression is to",
        ),
    ],
)
def test_what_is_wrong_with_a_rule(rule: str, level: str, line: int, reason: str) -> None:
    others = item(ONE, 2)
    found = said(judge((HEAD + item(rule, 2) + others).encode()))
    assert any(each[:2] == (level, line) and each[2].startswith(reason) for each in found), found


@pytest.mark.parametrize(
    ("text", "level", "line", "reason"),
    [
        (GROUPS + item(ONE, 2), "warning", 6, "alert 'Down' is defined twice with the same labels"),
        (GROUPS + HEAD[8:] + item(ONE, 2), "error", 6, "duplicate group name 'a' (first on line"),
        (GROUPS.replace("name: a", "interval: 1m"), "error", 2, "a group has no name"),
        (GROUPS + "  interval: often\n", "error", 6, "group 'a': `interval: often` is not"),
        (
            GROUPS + "  rule: []\n",
            "error",
            6,
            "group 'a': Prometheus rejects the unknown field 'rule'",
        ),
        (
            GROUPS + "apiVersion: 1\n",
            "error",
            6,
            "the file: Prometheus rejects the unknown field 'apiVersion'",
        ),
        (GROUPS + "  - text\n", "error", 6, "a rule is not a mapping"),
        (GROUPS + "    for: 1m\n    for: 2m\n", "error", 7, "Prometheus rejects duplicate keys"),
        (item(ONE, 0), "warning", 1, "not a complete rule file: put the rules below"),
        ("a: x\nb:\n  rules:\n" + item(ONE, 2), "note", 4, "the rules are below other keys"),
        (
            CONFIG_MAP + indented(GROUPS + "a: b\n", 4),
            "error",
            11,
            "the file: Prometheus rejects the",
        ),
    ],
)
def test_what_is_wrong_with_a_file(text: str, level: str, line: int, reason: str) -> None:
    found = said(judge(text.encode()))
    assert any(each[:2] == (level, line) and each[2].startswith(reason) for each in found), found


def test_misplaced_alerts_are_read_in_each_resource_of_a_file() -> None:
    right = RESOURCE + indented(GROUPS, 2)
    misplaced = RESOURCE + "  rules:\n" + item(ONE.replace("Down", "Other"), 2)
    for text in (f"{right}---\n{misplaced}", f"{misplaced}---\n{right}"):
        assert {alert.name for alert in judge(text.encode()).alerts} == {"Down", "Other"}


def test_an_alert_with_another_severity_or_group_is_not_a_duplicate() -> None:
    other = ONE + "labels: {severity: x}\n"
    text = GROUPS + item(other, 2) + HEAD[8:].replace(": a", ": b") + item(ONE, 2)
    assert said(judge(text.encode())) == []


def test_rules_in_a_template_are_not_checked() -> None:
    text = (
        "{{ if .Values.x }}\n" + GROUPS.replace("up == 0", "{{ .Values.expr }} >") + "{{ end }}\n"
    )
    report = judge(text.encode())
    assert [alert.name for alert in report.alerts] == ["Down"]
    assert said(report) == []


def test_the_number_of_rules_is_limited() -> None:
    rules = "".join(item(ONE.replace("Down", f"A{n}"), 2) for n in range(2_001))
    report = judge((HEAD + rules).encode())
    assert len(report.alerts) == 2_000
    assert said(report) == [("warning", 4004, "too many rules: only the first 2,000 are checked")]


def test_a_config_map_in_a_config_map_is_not_read() -> None:
    inner = "kind: ConfigMap\ndata:\n  r.yaml: |\n" + indented(GROUPS, 4)
    assert judge((CONFIG_MAP + indented(inner, 4)).encode()).alerts == ()
