"""Tests of judging whole files, and that judging never raises."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.content.judgement import judge_directory
from hub.content.rules import judge as judge_module
from hub.content.rules.judge import judge
from hub.content.rules.report import About, FileReport

RULES = "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: up\n"

# Deterministic, so that a test fails for the change that broke it, not for a later one.
fuzzed = settings(derandomize=True, max_examples=200, deadline=None, database=None)

# The keys and texts that decide how a file is classified.
KEYS = st.sampled_from(
    [
        *("alert", "record", "expr", "for", "labels", "annotations", "groups", "rules", "name"),
        *("panels", "rows", "targets", "title", "type", "datasource", "templating", "list"),
        *("kind", "apiVersion", "metadata", "spec", "data", "items", "json", "dashboard"),
        *("elements", "layout", "schemaVersion", "version", "dependencies", "image", "<<", "="),
    ]
)
TEXTS = st.sampled_from(
    [
        *("up == 0", "sum(", "5m", "5 min", "graph", "row", "v1", "v2", "1.2.3", "prometheus"),
        *("ConfigMap", "PrometheusRule", "List", "GrafanaDashboard", "Service", "$x", "[[x]]"),
        *("{{ .Values.x }}", "{{ $labels.x }}", "{{", "alert: A\nexpr: up\n", '{"panels": []}'),
        *("", " ", "\n", "\0", "\ud800", "é", "None", "1e999", "9" * 5_000),
    ]
)
SCALARS = st.one_of(
    TEXTS, KEYS, st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(KEYS, st.text(max_size=5)), inner, max_size=5),
    ),
    max_leaves=25,
)


def survives(data: bytes) -> FileReport:
    """Judge the bytes, and check that the report survives a round trip through JSON."""
    report = judge(data)
    kept = json.dumps(report.as_json(), ensure_ascii=False)
    kept.encode()
    assert "\\u0000" not in kept
    assert FileReport.from_json(json.loads(kept)) == report
    assert all(finding.line > 0 and finding.reason for finding in report.findings)
    return report


@fuzzed
@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    survives(data)


@fuzzed
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_no_text_makes_it_raise(text: str) -> None:
    survives(text.encode())


@fuzzed
@given(st.text(alphabet="{}[]:,-?&*!|>'\"%@`#<= \n\tab$.0~", max_size=80))
def test_no_text_of_special_characters_makes_it_raise(text: str) -> None:
    survives(text.encode())


@fuzzed
@given(VALUES)
def test_no_value_of_yaml_makes_it_raise(value: Any) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)
    survives(text.encode(errors="surrogatepass"))


@fuzzed
@given(VALUES)
def test_no_value_of_json_makes_it_raise(value: Any) -> None:
    survives(json.dumps(value).encode())


@fuzzed
@given(VALUES, st.integers(min_value=0, max_value=400))
def test_no_part_of_a_value_makes_it_raise(value: Any, size: int) -> None:
    survives(json.dumps(value, indent=1)[:size].encode())


def test_a_report_without_findings_is_small() -> None:
    assert judge(b"a: b\n").as_json() == {"format": "yaml", "values": ["a"]}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("- alert: A\n  x: [\n", (About.ALERTS,)),
        ("groups:\n- rules:\n  - expr: up\n    alert: A\n\tx\n", (About.ALERTS,)),
        ('{"rules": [{\n"alert": "A",\n', (About.ALERTS,)),
        ("# - alert: A\nx: [\n", ()),
        ("alert:\nx: [\n", ()),
        ("x: alert: A\n", ()),
        ('{"panels": [{"gridPos": {', (About.DASHBOARD,)),
        ('{"rows": [], "templating"\n: x', (About.DASHBOARD,)),
        ('{"panels": [', ()),
        ('{"__inputs": [], "x": {"id": "grafana", ', (About.DASHBOARD,)),
        ("apiVersion: v1\nkind: Service\nx: [\n", (About.MANIFEST,)),
        ("apiVersion: v1\nkind: {{ .Values.kind }}\nx: [\n", (About.MANIFEST,)),
        ("apiVersion: v1\nkind: PrometheusRule\nx: [\n", ()),
        ("x: [\nhelm install redis x/redis\n", (About.CHART,)),
        ("$ kubectl apply -f x.yaml\n", (About.CHART,)),
        ("see helm install\n", ()),
    ],
)
def test_what_a_broken_file_looks_like(text: str, meant: tuple[About, ...]) -> None:
    assert judge(text.encode()).looks_like == meant


@pytest.mark.parametrize("text", [RULES, "a: b\n", '{"panels": [{"gridPos": {}}]}'])
def test_a_valid_file_has_no_guessed_kind(text: str) -> None:
    assert judge(text.encode()).looks_like == ()


@pytest.mark.parametrize("text", ["x\n", "- a\n", "[]", "# x\n", "null\n"])
def test_a_file_without_content_has_a_note(text: str) -> None:
    (finding,) = survives(text.encode()).findings
    assert (finding.level.value, finding.line) == ("note", 1)
    assert finding.reason == "contains no rules, dashboard, chart, values or manifest"


def test_helms_actions_are_noted() -> None:
    assert judge(b'a: "{{ .Values.x }}"\n').helm_actions
    assert judge(b"{{ if .Values.x }}\n").helm_actions
    assert not judge(b'a: "{{ $labels.x }}"\n').helm_actions


def test_a_duplicate_key_is_an_error_only_in_rules() -> None:
    twice = judge((RULES + "    expr: up\n").encode())
    assert [(f.about, f.level, f.line) for f in twice.findings] == [
        (About.FILE, "warning", 6),
        (About.ALERTS, "error", 6),
    ]
    assert [f.level for f in judge(b"a: 1\na: 2\n").findings] == ["warning"]


def test_a_file_at_which_the_rules_fail_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(judge_module, "find_alerts", fail)
    judgement = judge_directory({"alert.yaml": judge(RULES.encode()), "README.md": judge(b"# x")})
    assert judgement.present("A") is None
    assert [finding.reason for finding in judgement.findings if finding.path == "alert.yaml"] == [
        "not checked because of an error of the hub: please report it with this file"
    ]


def test_the_number_of_directives_is_limited() -> None:
    directives = "".join(f"%TAG !{n}! tag:x,{n}:\n" for n in range(20_000))
    (finding,) = judge(f"{directives}---\n{RULES}".encode()).findings
    assert finding.reason == "not valid YAML: more than 100 directives (%)"
    few = directives[: directives.index("%TAG !9!")]
    assert judge(f"{few}---\n{RULES}".encode()).alerts


@pytest.mark.parametrize("later", ["a: 1\na: 2\n", "x: [\n", "\ta: b\n"])
def test_prometheus_does_not_read_a_later_document(later: str) -> None:
    report = judge(f"{RULES}---\n{later}".encode())
    assert [alert.name for alert in report.alerts] == ["A"]
    assert [finding.level for finding in report.findings] == ["warning"]
    first = judge(f"{RULES}    expr: up\n---\n{later}".encode())
    assert first.has_errors(About.ALERTS)
