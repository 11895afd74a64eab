"""Tests of the metrics that expressions and dashboards use."""

import json
from typing import Any

import pytest

from hub.content.rules.judge import judge
from hub.content.rules.metric_names import matching
from hub.content.rules.promql import check


@pytest.mark.parametrize(
    ("expr", "names"),
    [
        ("rate(a_total[5m]) / b", ("a_total", "b")),
        ("a + a", ("a",)),
        ("absent(a{job='x'})", ("a",)),
        ("max_over_time(rate(a[5m])[1h:1m] offset 1d)", ("a",)),
        ("a * on(x) group_left(version) a_build_info", ("a", "a_build_info")),
        ("topk(scalar(k), -(a))", ("k", "a")),
        ("histogram_quantile(0.9, sum by (le) (rate(a_bucket[5m])))", ("a_bucket",)),
        ("histogram_quantile(0.9, rate(a[5m]))", ("a",)),
        ("a unless b or c and d", ("a", "b", "c", "d")),
        ('{job="x"}', ()),
        ('{__name__="a", job="x"}', ("a",)),
        ('{"a.b", job="x"}', ("a.b",)),
        ('{__name__=~"a|b.*"}', ("=~a|b.*",)),
        ('{__name__=~"a"}', ("a",)),
        ('{__name__=~".+", job="x"}', ()),
        ('{job="x", __name__!~"a.*"}', ()),
        ('{job="x" or __name__="a"}', ("a",)),
        ("1 + vector(2)", ()),
        ("up up", ()),
    ],
)
def test_metrics_of_an_expression(expr: str, names: tuple[str, ...]) -> None:
    assert check(expr).metrics == names


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("=~redis_.*", ["redis_a", "redis_b"]),
        ("=~redis", []),
        ("=~redis_(a|x)", ["redis_a"]),
        (r"=~redis_\w", ["redis_a", "redis_b"]),
        ("=~(?i)REDIS_A", ["redis_a"]),
        ("=~(a+)+$", []),
        (r"=~redis_\w{1,9}", ["redis_a", "redis_b"]),
        (r"=~\pL{900}", None),
        ("=~(?=redis).*", None),
        ("=~[", None),
    ],
)
def test_patterns_match_whole_names(pattern: str, matches: list[str] | None) -> None:
    assert matching(pattern, ["redis_b", "redis_a", "other"]) == matches


def dashboard(**fields: Any) -> Any:
    panel = {"type": "stat", "title": "A", "targets": [{"expr": "up"}]}
    model = {"title": "A", "schemaVersion": 39, "panels": [panel]} | fields
    return judge(json.dumps(model).encode()).dashboards[0]


@pytest.mark.parametrize(
    ("expr", "names"),
    [
        ('rate(a_total{job=~"$job"}[$__rate_interval])', ("a_total",)),
        ("$metric", ()),
        ("[[metric]]", ()),
        ("${fn}(a)", ("a",)),
        ("$fn(a[5m])", ("a",)),
        ("${fn}_over_time(a[$__range])", ("a",)),
        ("$agg by (x) (a)", ("a",)),
        ("a{$filters}", ("a",)),
        ('a{x="y", ${filters:raw}}', ("a",)),
        ("a $op b", ("a", "b")),
        ("rate(a[${minutes}m])", ("a",)),
        ("rate(a[5m] offset ${hours}h)", ("a",)),
        ("${prefix}_up", ("=~.*_up",)),
        ("redis_${command:raw}_total", ("=~redis_.*_total",)),
        ("topk($n, a)", ("a",)),
        ('{__name__=~"redis_$command.*"}', ("=~redis_.*.*",)),
    ],
)
def test_variables_in_a_panel(expr: str, names: tuple[str, ...]) -> None:
    panel = {"type": "stat", "title": "A", "targets": [{"expr": expr}]}
    assert dashboard(panels=[panel]).panels[0].metrics == names


INPUTS = [{"name": "DS_LOGS", "type": "datasource", "pluginId": "loki"}]
SOURCES = {"list": [{"name": "logs", "type": "datasource", "query": "loki"}]}


@pytest.mark.parametrize(
    ("source", "expr", "names"),
    [
        *((source, "a", ("a",)) for source in (None, "$unknown", "${DS_PROM}", {"uid": "$x"})),
        *((source, "a", ("a",)) for source in ("Thanos", "default", {"type": "prometheus"})),
        *((source, "a", ()) for source in ("$logs", "[[logs]]", "${DS_LOGS}", {"uid": "${logs}"})),
        *((source, "a", ()) for source in ({"type": "loki", "uid": "x"}, {"type": "influxdb"})),
        # Only the name is known: what is not PromQL is for another data source.
        ("Logs", '{job="x"} |= "error"', ()),
        ("$logs", '{job="x"} |= "error"', ()),
    ],
)
def test_only_queries_for_prometheus_count(source: Any, expr: str, names: tuple[str, ...]) -> None:
    panel = {"type": "stat", "title": "A", "datasource": source, "targets": [{"expr": expr}]}
    model = {"title": "A", "schemaVersion": 39, "panels": [panel]}
    report = judge(json.dumps(model | {"__inputs": INPUTS, "templating": SOURCES}).encode())
    assert report.dashboards[0].panels[0].metrics == names
    assert not [each for each in report.findings if "PromQL" in each.reason]


def test_a_target_has_its_own_data_source() -> None:
    targets = [{"expr": "a", "datasource": {"type": "loki"}}, {"expr": "b"}, {"query": "c"}]
    panel = {"type": "stat", "title": "A", "datasource": "-- Mixed --", "targets": targets}
    assert dashboard(panels=[panel]).panels[0].metrics == ("b",)


def test_a_library_panel_that_was_exported_with_the_dashboard() -> None:
    reference = {"title": "Mine", "libraryPanel": {"uid": "x", "name": "Shared"}}
    model = {"type": "stat", "title": "Shared", "targets": [{"expr": "a"}]}
    found = dashboard(panels=[reference], __elements={"x": {"kind": 1, "model": model}})
    assert [(each.title, each.type, each.metrics) for each in found.panels] == [
        ("Mine", "stat", ("a",))
    ]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"kind": "DataQuery", "group": "prometheus"}, ("a",)),
        ({"kind": "prometheus"}, ("a",)),
        ({"kind": "DataQuery", "group": "loki"}, ()),
        ({"kind": "loki"}, ()),
    ],
)
def test_data_sources_of_schema_v2(query: dict[str, Any], names: tuple[str, ...]) -> None:
    panel = {"query": query | {"spec": {"expr": "a"}}}
    queries = {"kind": "QueryGroup", "spec": {"queries": [{"kind": "PanelQuery", "spec": panel}]}}
    element = {"kind": "Panel", "spec": {"title": "P", "data": queries}}
    variable = {"name": "v", "query": query | {"spec": {"query": "label_values(a, x)"}}}
    model = {
        "title": "A",
        "layout": {},
        "elements": {"p": element},
        "variables": [{"kind": "QueryVariable", "spec": variable}],
    }
    (found,) = judge(json.dumps(model).encode()).dashboards
    assert found.panels[0].metrics == names
    assert [each.metrics for each in found.other_queries] == ([names] if names else [])


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("label_values(redis_up, instance)", ("redis_up",)),
        ('label_values(redis_up{job="$job", x=~"a,b"}, instance)', ("redis_up",)),
        ("label_values(instance)", ()),
        ("label_names()", ()),
        ("query_result(topk(5, redis_up))", ("redis_up",)),
        ("metrics(redis_a|redis_b)", ("=~.*(?:redis_a|redis_b).*",)),
        ("redis_up", ("redis_up",)),
        ({"query": "label_values(redis_up, x)", "refId": "A"}, ("redis_up",)),
        ("label_values(" + "a, " * 10_000, ()),
    ],
)
def test_queries_of_variables(query: Any, names: tuple[str, ...]) -> None:
    found = dashboard(templating={"list": [{"name": "x", "type": "query", "query": query}]})
    assert [each.metrics for each in found.other_queries] == ([names] if names else [])


def test_other_queries_of_a_dashboard() -> None:
    loki = {"type": "loki", "uid": "x"}
    found = dashboard(
        templating={"list": [{"type": "custom", "query": "a"}, {"query": "a", "datasource": loki}]},
        annotations={"list": [{"name": "Restarts", "expr": "changes(b[5m])"}]},
    )
    assert [(each.of, each.metrics) for each in found.other_queries] == [
        ("annotation 'Restarts'", ("b",))
    ]


def test_metrics_of_rules() -> None:
    text = b"""
groups:
- name: a
  rules:
  - {record: 'job:a:rate', expr: 'sum by (job) (rate(a_total[5m]))'}
  - {alert: Down, expr: 'job:a:rate == 0'}
"""
    report = judge(text)
    assert [(rule.name, rule.metrics) for rule in report.recording_rules] == [
        ("job:a:rate", ("a_total",))
    ]
    assert report.alerts[0].metrics == ("job:a:rate",)
    only_recording = judge(text.rpartition(b"  - {alert")[0])
    assert (only_recording.alerts, len(only_recording.recording_rules)) == ((), 1)


def test_names_that_a_template_completes_are_not_known() -> None:
    text = b"""{{- if .Values.x }}
groups:
- name: a
  rules:
  - {alert: A, expr: '{{ .Values.prefix }}_up == 0 and redis_up'}
{{- end }}
"""
    assert judge(text).alerts[0].metrics == ("redis_up",)
