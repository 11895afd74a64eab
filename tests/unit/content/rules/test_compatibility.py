"""Tests of what versions of Prometheus, Grafana and Kubernetes content needs."""

import json
from typing import Any

import pytest

from hub.content.judgement import judge_directory
from hub.content.rules.compatibility import needs_of_expression, strictest
from hub.content.rules.judge import judge
from hub.content.rules.report import Finding

RULES = """\
groups:
- name: a
  rules:
  - alert: A
    expr: EXPR
"""
PANEL: dict[str, Any] = {"title": "P", "targets": [{"expr": "up"}]}


def needs(expr: str) -> dict[str, str]:
    """Return what an expression needs: the start of the reason → the versions."""
    return {need.reason.partition(" needs ")[0]: need.needs for need in needs_of_expression(expr)}


def notes(data: str) -> list[Finding]:
    """Return the findings of a file that name versions."""
    found = judge(data.encode()).findings
    return [finding for finding in found if finding.needs or "removed" in finding.reason]


@pytest.mark.parametrize(
    ("expr", "feature", "version"),
    [
        ("max_over_time(up[1h:5m])", "a subquery", "2.7"),
        ("absent_over_time(up[5m])", "`absent_over_time`", "2.16"),
        ("group by (job) (up)", "`group`", "2.20"),
        ("rate(up[1h30m])", "a duration of several units", "2.21"),
        ("Clamp (up, 0, 1)", "`clamp`", "2.26"),
        ("up atan2 up", "the operator `atan2`", "2.31"),
        ("up @ start()", "the modifier `@`", "2.33"),
        ("up offset -5m", "a negative offset", "2.33"),
        ("histogram_avg(up)", "`histogram_avg`", "2.51"),
        ("up > 1_000", "an underscore in a number", "2.54"),
        ("time() - up > 10m", "a duration as a number", "3.0"),
        ("rate(up[300])", "a range without a unit", "3.0"),
        ("up offset 300", "an offset without a unit", "3.0"),
        ('{"http.requests"}', "a name in quotes", "3.0"),
        ("up{job='a', 'http.status'='500'}", "a name in quotes", "3.0"),
        ('sum(up) by (job, "http.status")', "a label in quotes", "3.0"),
        ("up + on('a.b') up", "a label in quotes", "3.0"),
    ],
)
def test_what_an_expression_needs(expr: str, feature: str, version: str) -> None:
    assert needs(expr)[feature] == f"Prometheus >= {version}"


@pytest.mark.parametrize(
    "expr",
    [
        "sum by (job) (rate(http_requests_total[5m])) > 0.5",
        "up{a='x # y @ [5m:1m] offset -1 1_000 info('} # info(up)",
        'label_replace(up, "a", "$1", "b", "(.*)")',
        "job:requests:rate5m > 5e10 or a_1_0 < 0x1d",
        "sum by (group, end, step) (up) + start",
        'up{job=~"a:b"} offset 5m',
        "node_cpu{mode='idle', cpu=\"0\"}[5m]",
        "up # it's\n > on(a) 5 # 'x'[1h:5m]",
    ],
)
def test_what_every_version_has(expr: str) -> None:
    assert needs(expr) == {}


def test_an_experimental_function_is_a_warning_with_its_flag() -> None:
    (finding,) = notes(RULES.replace("EXPR", "limitk by (job) (1, up)"))
    assert (finding.level, finding.line, finding.needs) == ("warning", 5, "Prometheus >= 2.54")
    assert finding.reason == (
        "alert 'A': `limitk` needs Prometheus 2.54 or newer with "
        "--enable-feature=promql-experimental-functions"
    )


def test_a_function_that_prometheus_renamed() -> None:
    (finding,) = notes(RULES.replace("EXPR", "holt_winters(up[10m], 0.5, 0.5)"))
    assert (finding.level, finding.needs) == ("note", "Prometheus < 3.0")


@pytest.mark.parametrize(
    ("old", "new", "line", "version"),
    [
        ("  rules", "  limit: 5\n  rules", 3, "2.31"),
        ("  rules", "  query_offset: 1m\n  rules", 3, "2.53"),
        ("  rules", "  labels: {a: b}\n  rules", 3, "3.0"),
        ("expr", "keep_firing_for: 5m\n    expr", 5, "2.42"),
        ("expr", "labels: {a.b: c}\n    expr", 5, "3.0"),
        ("expr", "annotations: {a: '{{ now }}'}\n    expr", 5, "3.6"),
        ("expr", "annotations: {a: '{{ $value | stripDomain }}'}\n    expr", 5, "2.36"),
        ("- alert", "- {record: 'a.b', expr: up}\n  - alert", 4, "3.2"),
    ],
)
def test_what_a_rule_file_needs(old: str, new: str, line: int, version: str) -> None:
    (finding,) = notes(RULES.replace("EXPR", "up").replace(old, new, 1))
    assert (finding.level, finding.line) == ("note", line)
    assert finding.needs == f"Prometheus >= {version}"
    assert f"needs Prometheus {version} or newer" in finding.reason


def test_labels_of_a_rule_need_no_version() -> None:
    assert notes(RULES.replace("EXPR", "up\n    labels: {severity: page}")) == []


def test_only_what_decides_is_noted_and_once() -> None:
    rule = "  - alert: A\n    expr: sgn(up) > histogram_avg(up)\n    keep_firing_for: 5m\n"
    (finding,) = notes(RULES.replace("EXPR", "clamp(up, 0, 1)") + rule + rule.replace("A", "B"))
    assert (finding.line, finding.needs) == (7, "Prometheus >= 2.51")


def test_rules_inside_other_resources() -> None:
    rules = RULES.replace("EXPR", "up @ 0").replace("\n", "\n    ")
    config_map = f"apiVersion: v1\nkind: ConfigMap\ndata:\n  r.yaml: |\n    {rules}\n"
    (finding,) = notes(config_map)
    assert (finding.line, finding.needs) == (9, "Prometheus >= 2.33")
    resource = RULES.replace("EXPR", "up @ 0").replace("\n", "\n  ").rstrip(" ")
    resource = f"apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec:\n  {resource}"
    assert [f.needs for f in notes(resource)] == ["Prometheus >= 2.33"]
    assert notes(resource.replace("PrometheusRule", "VMRule")) == []


def board(**changes: Any) -> str:
    return json.dumps({"title": "B", "schemaVersion": 30, "panels": [PANEL]} | changes)


@pytest.mark.parametrize(
    ("panel", "versions"),
    [
        ({"type": "timeseries"}, "Grafana >= 7.4"),
        ({"type": "state-timeline"}, "Grafana >= 8.0"),
        ({"libraryPanel": {"uid": "a"}}, "Grafana >= 8.0"),
        ({"type": "natel-plotly-panel"}, "Grafana < 12.0"),
        ({"type": "bessler-pictureit-panel"}, "Grafana < 12.0"),
        ({"type": "zuburqan-parity-report-panel"}, "Grafana < 12.0"),
        ({"datasource": {"type": "grafana-simple-json-datasource"}}, "Grafana < 12.0"),
    ],
)
def test_what_a_dashboard_needs(panel: dict[str, Any], versions: str) -> None:
    (finding,) = notes(board(panels=[PANEL, PANEL | panel]))
    assert (finding.level, finding.needs) == ("note", versions)
    row = {"type": "row", "collapsed": True, "panels": [PANEL | panel]}
    assert [finding.needs for finding in notes(board(panels=[row]))] == [versions]


@pytest.mark.parametrize(
    ("kind", "instead"),
    [("graph", "timeseries"), ("singlestat", "stat"), ("table-old", "table")],
)
def test_a_panel_that_grafana_replaces(kind: str, instead: str) -> None:
    (finding,) = notes(board(panels=[PANEL | {"type": kind}] * 2))
    assert (finding.level, finding.needs) == ("note", "")
    assert finding.reason == f"Grafana 12 removed the panel `{kind}`, and shows `{instead}` instead"


@pytest.mark.parametrize("uid", ["-- Mixed --", "-- Dashboard --", "grafana"])
def test_a_data_source_that_is_built_into_grafana(uid: str) -> None:
    builtin = {"datasource": {"type": "datasource", "uid": uid}}
    assert notes(board(panels=[PANEL, PANEL | builtin])) == []


@pytest.mark.parametrize("kind", ["table", "text", "row", "heatmap", "some-plugin-panel", ""])
def test_a_panel_that_needs_no_version(kind: str) -> None:
    assert notes(board(panels=[PANEL, PANEL | {"type": kind}])) == []


def test_a_dashboard_of_schema_v2() -> None:
    viz = {"kind": "VizConfig", "group": "trend", "spec": {}}
    query = {"kind": "PanelQuery", "spec": {"query": {"kind": "DataQuery", "spec": {"expr": "up"}}}}
    data = {"kind": "QueryGroup", "spec": {"queries": [query]}}
    panel = {"kind": "Panel", "spec": {"title": "P", "data": data, "vizConfig": viz}}
    spec = {"title": "B", "elements": {"a": panel}, "layout": {"kind": "GridLayout"}}
    v2 = {"apiVersion": "dashboard.grafana.app/v2beta1", "kind": "Dashboard", "spec": spec}
    assert [finding.needs for finding in notes(json.dumps(v2))] == ["Grafana >= 12.0"]


@pytest.mark.parametrize(
    ("api_version", "kind", "version", "instead"),
    [
        ("extensions/v1beta1", "Deployment", "1.16", "apps/v1"),
        ("extensions/v1beta1", "Ingress", "1.22", "networking.k8s.io/v1"),
        ("policy/v1beta1", "PodDisruptionBudget", "1.25", "policy/v1"),
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", "1.26", "autoscaling/v2"),
        ("storage.k8s.io/v1beta1", "CSIStorageCapacity", "1.27", "storage.k8s.io/v1"),
    ],
)
def test_an_api_version_that_kubernetes_removed(
    api_version: str, kind: str, version: str, instead: str
) -> None:
    manifest = f"apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: a\n"
    first, second = notes(
        f"{manifest}---\napiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {{}}\n---\n{manifest}"
    )
    assert (first.level, first.about, first.line) == ("note", "manifest", 1)
    assert first.needs == f"Kubernetes < {version}"
    assert first.reason == f"Kubernetes {version} removed {kind} of {api_version}: use {instead}"
    assert second.needs == "Kubernetes < 1.25"


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [("apps/v1", "Deployment"), ("networking.k8s.io/v1", "Ingress"), ("v1", "Service")],
)
def test_an_api_version_that_kubernetes_has(api_version: str, kind: str) -> None:
    assert notes(f"apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: a\n") == []


def test_removed_apis_in_the_templates_of_a_chart() -> None:
    manifest = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata:\n  name: NAME\n"
    chart = judge(b"apiVersion: v2\nname: a\nversion: 1.0.0\n")
    for name in ("'{{ .Release.Name }}'", "{{ .Release.Name }}"):
        template = judge(manifest.replace("NAME", name).encode())
        judgement = judge_directory({"Chart.yaml": chart, "templates/pdb.yaml": template})
        assert [f.needs for f in judgement.findings if f.needs] == ["Kubernetes < 1.25"]
        assert judgement.usable("I") is True
    either = "{{ if .Capabilities.APIVersions.Has `policy/v1` }}\n# policy/v1\n{{ else }}\n"
    assert notes(f"{either}{manifest}{{{{ end }}}}\n") == []


def test_several_needs() -> None:
    needs = ["Prometheus >= 2.9", "Prometheus >= 2.31", "", "Grafana < 12.0", "Kubernetes >=1.25"]
    assert strictest([*needs, "Prometheus < 3.0", "Grafana < 12.0"]) == [
        "Grafana < 12.0",
        "Kubernetes ≥1.25",
        "Prometheus < 3.0",
        "Prometheus ≥ 2.31",
    ]
