"""Tests that the rules agree with promtool and Helm, whose verdicts `make oracle` records."""

import json
from pathlib import Path

import pytest

from hub.content.judgement import judge_directory
from hub.content.rules.go_template import (
    PROMETHEUS_FUNCTIONS,
    PROMETHEUS_VARIABLES,
    check_template,
)
from hub.content.rules.judge import judge
from hub.content.rules.promql import check
from tests.oracle.mutants import COUNTS, RECORDED, digest, mutants

DATA = Path(__file__).parents[3] / "data" / "oracle"

# Rare syntax about which the parser of `promql-parser` differs from Prometheus.
PARSER = {"step()", "start()", "anchored", "rate(a[5 m])"}
GROUP = "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: up\n"
# promtool accepts these files, but finds no rules in them.
FILES = {"---\n---\n" + GROUP, " " + GROUP}
# Rare types of YAML, which Go resolves otherwise than Python.
FILES |= {
    GROUP + "    ~: x\n",
    GROUP.replace("A", "!!int A"),
    GROUP.replace("a\n", "a\n  limit: 1e3\n"),
}
# Prometheus rejects them, and the rules accept them on purpose.
ACCEPTED = {"holt_winters(foo[5m],0.1,0.2)"}  # until Prometheus 3


def recorded(name: str) -> dict[str, bool]:
    """Return the tool's verdicts: input → accepted."""
    verdicts: dict[str, bool] = json.loads((DATA / f"{name}.json").read_text())
    return verdicts


@pytest.mark.parametrize(("text", "accepted"), recorded("templates").items())
def test_a_template(text: str, accepted: bool) -> None:
    error = check_template(text, PROMETHEUS_FUNCTIONS, PROMETHEUS_VARIABLES)
    assert (error is None) == accepted, error


@pytest.mark.parametrize(("expr", "accepted"), recorded("expressions").items())
def test_an_expression(expr: str, accepted: bool) -> None:
    checked = check(expr)
    experimental = any(need.experimental for need in checked.needs)
    if expr in PARSER:
        assert (checked.problem == "") != accepted, "now they agree: remove it from the list"
    elif not experimental and expr not in ACCEPTED:
        assert (checked.problem == "") == accepted, checked


@pytest.mark.parametrize(("text", "accepted"), recorded("rule_files").items())
def test_a_rule_file(text: str, accepted: bool) -> None:
    judgement = judge_directory({"alerts.yml": judge(text.encode())})
    if text in FILES:
        assert judgement.usable("A") != accepted, "now they agree: remove it from the list"
    elif judgement.present("A"):
        assert judgement.usable("A") == accepted, judgement


CHART = b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"
# Helm reads 1e3 as a number, and rejects a key that is null.
CHARTS = {
    CHART.decode().replace("1.0.0", "1e3"),
}
VALUES = {"~: x"}


def chart_usable(name: str, text: str) -> bool | None:
    """Return whether a chart that contains the text is usable."""
    files = {"Chart.yaml": CHART, "templates/_a.tpl": b"", name: text.encode()}
    return judge_directory({path: judge(data) for path, data in files.items()}).usable("I")


@pytest.mark.parametrize(("text", "accepted"), recorded("charts").items())
def test_a_chart(text: str, accepted: bool) -> None:
    usable = chart_usable("Chart.yaml", text)
    assert usable == (accepted if text not in CHARTS else not accepted)


@pytest.mark.parametrize(("text", "accepted"), recorded("chart_values").items())
def test_the_values_of_a_chart(text: str, accepted: bool) -> None:
    usable = chart_usable("values.yaml", text)
    assert usable == (accepted if text not in VALUES else not accepted)


@pytest.mark.parametrize(("text", "accepted"), recorded("chart_templates").items())
def test_a_template_of_a_chart(text: str, accepted: bool) -> None:
    assert chart_usable("templates/_a.tpl", text) == accepted


# --- damaged copies of the project's own data ---


def recorded_mutants(kind: str) -> dict[str, bool]:
    """Return the recorded verdicts on the damaged inputs of a kind: input → accepted.

    Files of the sample may have changed since the verdicts were recorded, but not most of them.
    """
    known: dict[str, bool] = json.loads(RECORDED.read_text())[kind]
    verdicts = {text: known[digest(text)] for text in mutants(kind) if digest(text) in known}
    assert len(verdicts) > COUNTS[kind] / 2, "record them: make oracle ORACLE=--record"
    return verdicts


def test_damaged_rule_files() -> None:
    different = []
    for text, accepted in recorded_mutants("rule_files").items():
        judgement = judge_directory({"alerts.yml": judge(text.encode())})
        present, usable = judgement.present("A"), judgement.usable("A")
        # Prometheus accepts files without alerts, too.
        if usable != accepted and (present or not accepted) and (present or usable):
            different.append((text, judgement.findings))
    assert different == []


def test_damaged_expressions() -> None:
    different = []
    for expr, accepted in recorded_mutants("expressions").items():
        checked = check(expr)
        experimental = any(need.experimental for need in checked.needs)
        if (checked.problem == "") != accepted and not experimental and expr not in PARSER:
            different.append((expr, checked))
    assert different == []


@pytest.mark.parametrize(
    ("kind", "name"), [("charts", "Chart.yaml"), ("chart_templates", "templates/_a.tpl")]
)
def test_damaged_charts(kind: str, name: str) -> None:
    verdicts = recorded_mutants(kind)
    different = {text for text in verdicts if chart_usable(name, text) != verdicts[text]}
    assert different == set()
