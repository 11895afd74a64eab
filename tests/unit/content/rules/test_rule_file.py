"""Tests of the models of rule files. `test_oracle.py` compares RuleFile with promtool."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from hub.content.rules.judge import judge
from hub.content.rules.parsing import parse_documents
from hub.content.rules.rule_file import RuleFile, RuleSpec, duration, problems
from hub.content.rules.values import LineDict, dict_of

CRD = Path(__file__).parents[3] / "data" / "prometheusrule-crd.json"
# Go allows flags anywhere in a regular expression.
SPEC = json.loads(CRD.read_text().replace("^(?i)", "(?i)^"))["openAPIV3Schema"]["properties"][
    "spec"
]
GROUP = "groups:\n- name: a\n"
RULE = GROUP + "  rules:\n  - alert: A\n    expr: up\n"


def document(text: str) -> LineDict:
    return dict_of(parse_documents(text.encode()).documents[0])


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("0", 0),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("1y2w3d4h5m6s7ms", 33_019_506_007),
        ("", None),
        ("5", None),
        ("30m1h", None),
        ("-5m", None),
        ("5 m", None),
        ("\N{NO-BREAK SPACE}5m", None),
        ("\N{ARABIC-INDIC DIGIT FIVE}m", None),
        ("300y", None),
    ],
)
def test_a_duration(text: str, milliseconds: int | None) -> None:
    assert duration(text) == milliseconds


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (RULE, []),
        ("groups: {}\n", [(1, "the file: `groups` is not a list")]),
        (RULE + "x: y\n", [(6, "the file: Prometheus rejects the unknown field 'x'")]),
        (GROUP + "- text\n", [(3, "a group is not a mapping")]),
        (RULE + "  - text\n", [(6, "a rule is not a mapping")]),
        (GROUP + "  limit: '5'\n", [(3, "group 'a': `limit: 5` is not a whole number")]),
        (GROUP + "  rules: {a: b}\n", [(3, "group 'a': `rules` is not a list")]),
        (RULE + "    labels: [a]\n", [(6, "alert 'A': `labels` is not a mapping")]),
        (RULE + "    labels: {a: [b]}\n", [(6, "alert 'A': `labels.a` is not a string")]),
        (RULE + "    for: 5 min\n", [(6, "alert 'A': `for: 5 min` is not a duration such as 5m")]),
    ],
)
def test_problems_of_a_rule_file(text: str, found: list[tuple[int, str]]) -> None:
    said = list(problems(RuleFile, document(text)))
    assert [line for line, _ in said] == [line for line, _ in found]
    assert all(is_.startswith(right) for (_, is_), (_, right) in zip(said, found, strict=True)), (
        said
    )


@pytest.mark.parametrize(
    "text",
    [
        RULE,
        GROUP + "  partial_response_strategy: Warn\n",
        GROUP + "  partial_response_strategy: no\n",
        GROUP + "  limit: 5\n",
        GROUP + "  limit: '5'\n",
        GROUP + "  interval: 1m\n  query_offset: 30s\n",
        GROUP + "  interval: ''\n",
        GROUP + "  interval: 5\n",
        GROUP + "  interval: often\n",
        GROUP + "  labels: {a: b}\n",
        GROUP + "  labels: {a: 5}\n",
        GROUP + "  labels: [a]\n",
        GROUP + "  rules: {}\n",
        GROUP + "  rules: [a]\n",
        "groups: {}\n",
        "groups: [a]\n",
        RULE.replace("expr: up", "expr: 5"),
        RULE.replace("expr: up", "expr: true"),
        RULE.replace("alert: A", "alert: 5"),
        RULE + "    for: ''\n",
        RULE + "    for: 5m\n",
        RULE + "    for: 5\n",
        RULE + "    keep_firing_for: ''\n",
        RULE + "    keep_firing_for: 5m\n",
        RULE + "    labels: {level: 5}\n",
        RULE + "    labels: {level: '5'}\n",
        RULE + "    labels: {page: yes}\n",
        RULE + "    annotations: {a: 1.5}\n",
        RULE + "    annotations: {a: [b]}\n",
    ],
)
def test_a_prometheus_rule_follows_the_schema_of_its_definition(text: str) -> None:
    valid = jsonschema.Draft202012Validator(SPEC).is_valid(yaml.safe_load(text))
    assert (not list(problems(RuleSpec, document(text)))) == valid


def test_a_number_as_a_label_is_an_error_only_in_a_prometheus_rule() -> None:
    text = RULE + "    labels: {level: 5}\n"
    indented = "".join(f"  {line}\n" for line in text.splitlines())
    resource = f"apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec:\n{indented}"
    assert judge(text.encode()).findings == ()
    (finding,) = judge(resource.encode()).findings
    assert (finding.level, finding.line) == ("error", 9)
    assert "Kubernetes requires quotes around it" in finding.reason
