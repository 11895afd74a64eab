"""Tests of rule groups: from every form of a file, with the types of Prometheus."""

import pytest

from hub.content.rules.judge import judge
from hub.packs.plain import Unsuitable
from hub.packs.rule_files import Group, as_rule_file, check_rule_file, rule_groups

_RULE = "- alert: A\n  expr: up == 0\n"
_IN_GROUP = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up == 0\n"


def indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())


def groups(text: str) -> list[Group]:
    found = rule_groups(text.encode(), judge(text.encode()), "redis-alert")
    check_rule_file(as_rule_file(found))
    return found


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (_IN_GROUP, "g"),
        ("- name: g\n  rules:\n  - alert: A\n    expr: up == 0\n", "g"),
        ("name: g\nrules:\n- alert: A\n  expr: up == 0\n", "g"),
        (_RULE, "redis-alert"),
        ("alert: A\nexpr: up == 0\n", "redis-alert"),
        (f"apiVersion: a/v1\nkind: PrometheusRule\nspec:\n{indented(_IN_GROUP, 2)}", "g"),
        (f"apiVersion: v1\nkind: ConfigMap\ndata:\n  a.yaml: |\n{indented(_IN_GROUP, 4)}", "g"),
        (f"kind: List\nitems:\n- kind: VMRule\n  spec:\n{indented(_IN_GROUP, 4)}", "g"),
    ],
)
def test_every_form_becomes_the_same_group(text: str, name: str) -> None:
    assert groups(text) == [{"name": name, "rules": [{"alert": "A", "expr": "up == 0"}]}]


def test_a_name_in_two_documents_gets_a_number() -> None:
    resource = f"kind: PrometheusRule\nspec:\n{indented(_IN_GROUP, 2)}"
    assert [group["name"] for group in groups(f"{resource}---\n{resource}")] == ["g", "g (2)"]


def test_values_become_texts_as_they_are_written() -> None:
    text = _IN_GROUP + "    for: 0\n    labels: {a: 1, b: true, c: 1e3, d: null, e: 0x1F}\n"
    [group] = groups(text.replace("rules:", "limit: 5\n  interval: 1m\n  rules:"))
    assert group["limit"] == 5
    assert group["interval"] == "1m"
    assert group["rules"][0]["for"] == "0"
    labels = {"a": "1", "b": "true", "c": "1e3", "d": "", "e": "0x1F"}
    assert group["rules"][0]["labels"] == labels


def test_recording_rules_go_in() -> None:
    [group] = groups(f"{_RULE}- record: a:b\n  expr: sum(up)\n")
    assert [rule["expr"] for rule in group["rules"]] == ["up == 0", "sum(up)"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{_RULE}- record: a:b\n  expr: sum(\n", "Prometheus would not load it"),
        (f"prometheusRule:\n  rules:\n{indented(_RULE, 2)}", "pass the file to Helm as values"),
        (f"{_RULE}  labels: {{a: '{{{{ .Values.a }}}}'}}\n", "Helm renders it"),
        ("{{ if .Values.a }}\n" + _IN_GROUP + "{{ end }}\n", "Helm renders it"),
    ],
)
def test_what_prometheus_cannot_load_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Unsuitable, match=reason):
        groups(text)
