"""Tests of Grafana dashboards: their forms, what is read, and what is reported."""

import json
import re
from typing import Any

import pytest

from hub.content.rules.judge import judge
from hub.content.rules.report import About, Dashboard, FileReport, Panel

GRAPH = {"title": "Up", "type": "graph", "targets": [{"expr": "up"}]}
MODEL = {"title": "A", "schemaVersion": 16, "panels": [GRAPH]}
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\ndata:\n"


def judged(value: Any) -> FileReport:
    """Judge the value as a JSON file with one line per item."""
    return judge(json.dumps(value, indent=1).encode())


_VERSION = re.compile(r"Grafana \d")


def said(report: FileReport) -> list[tuple[str, int, str]]:
    """Return the findings about dashboards, without those about versions of Grafana."""
    about = (f for f in report.findings if f.about == About.DASHBOARD)
    return [(f.level.value, f.line, f.reason) for f in about if not _VERSION.search(f.reason)]


def element(title: str, kind: str, *expressions: str) -> dict[str, Any]:
    """Return a panel of schema v2."""
    queries = [
        {"kind": "PanelQuery", "spec": {"query": {"kind": "prometheus", "spec": {"expr": expr}}}}
        for expr in expressions
    ]
    data = {"kind": "QueryGroup", "spec": {"queries": queries}}
    spec = {"title": title, "data": data, "vizConfig": {"kind": kind}}
    return {"kind": "Panel", "spec": spec}


def test_what_is_read_of_a_dashboard() -> None:
    model = MODEL | {
        "uid": "abc",
        "__inputs": [{"name": "DS", "type": "datasource", "pluginId": "prometheus"}],
        "__requires": [{"type": "panel", "version": "1"}, {"type": "grafana", "version": "8.1.0"}],
        "templating": {"list": [{"name": "job"}, {"name": "instance"}, {}]},
        "panels": [GRAPH | {"datasource": "$DS"}, GRAPH | {"datasource": {"type": "loki"}}],
    }
    assert judged(model).dashboards == (
        Dashboard(
            title="A",
            panels=(Panel("Up", "graph", metrics=("up",), line=5), Panel("Up", "graph", line=15)),
            datasources=("loki", "prometheus"),
            variables=("job", "instance"),
            grafana_version="8.1.0",
            schema_version="16",
            uid="abc",
        ),
    )


def test_a_panels_version_is_used_without_a_version_of_grafana() -> None:
    (dashboard,) = judged(MODEL | {"panels": [GRAPH | {"pluginVersion": "9.0.1"}]}).dashboards
    assert dashboard.grafana_version == "9.0.1"


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ({"panels": [GRAPH]}, [("Up", "")]),
        ({"rows": [{"title": "R", "panels": [GRAPH]}]}, [("Up", "R")]),
        ({"rows": [{"title": "R", "panels": [GRAPH]}], "panels": []}, [("Up", "R")]),
        ({"panels": [{"type": "row", "title": "R", "panels": [GRAPH]}]}, [("Up", "R")]),
        ({"panels": [{"type": "row", "title": "R"}, GRAPH]}, [("Up", "R")]),
        ({"panels": [GRAPH, {"type": "row", "title": "R", "panels": []}]}, [("Up", "")]),
    ],
)
def test_panels_and_their_rows(model: dict[str, Any], shown: list[tuple[str, str]]) -> None:
    (dashboard,) = judged({"title": "A"} | model).dashboards
    assert [(panel.title, panel.row) for panel in dashboard.panels] == shown


@pytest.mark.parametrize(
    "value",
    [
        MODEL,
        {"dashboard": MODEL, "meta": {}},
        {"dashboard": json.dumps(MODEL)},
        [MODEL],
        {"panels": [], "templating": {"list": []}},
        {"panels": [{"gridPos": {}}]},
        {"title": "A", "rows": [{"panels": []}]},
        {"kind": "Dashboard", "apiVersion": "dashboard.grafana.app/v1beta1", "spec": MODEL},
        {"kind": "GrafanaDashboard", "apiVersion": "x/v1", "spec": {"json": json.dumps(MODEL)}},
        {"kind": "ConfigMap", "apiVersion": "v1", "data": {"a.json": json.dumps(MODEL)}},
        {
            "kind": "ConfigMapList",
            "items": [{"kind": "ConfigMap", "data": {"a": json.dumps(MODEL)}}],
        },
        {"elements": {}, "layout": {}},
    ],
)
def test_dashboards(value: Any) -> None:
    report = judged(value)
    assert len(report.dashboards) == 1
    assert (report.alerts, report.manifests, report.values) == ((), (), ())


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"title": "A"},
        {"panels": {}},
        {"panels": "x", "schemaVersion": 1},
        {"panels": [{"id": 1}]},
        {"dashboard": "A"},
        {"dashboard": {"id": 1}},
        {"name": "Prometheus", "type": "prometheus", "access": "proxy"},
        {"kind": "ConfigMap", "data": {"a.json": "{"}},
        {"elements": {}},
    ],
)
def test_no_dashboards(value: Any) -> None:
    assert judged(value).dashboards == ()


def test_schema_v2() -> None:
    elements = {
        "a": element("Up", "stat", "up"),
        "b": element("Down", "table"),
        "c": {"kind": "LibraryPanel", "spec": {"title": "Shared"}},
        "d": "x",
    }
    variables = [{"kind": "QueryVariable", "spec": {"name": "job"}}]
    spec = {"title": "A", "elements": elements, "layout": {}, "variables": variables}
    report = judged({"kind": "Dashboard", "apiVersion": "x/v2", "spec": spec})
    (dashboard,) = report.dashboards
    up = Panel("Up", "stat", metrics=("up",), line=7)
    assert dashboard.panels[0] == up
    assert [panel.title for panel in dashboard.panels] == ["Up", "Down", "Shared"]
    assert dashboard.variables == ("job",)
    assert [(level, reason) for level, _, reason in said(report)] == [
        ("warning", "panel 'Down' has no queries (`targets`)")
    ]


@pytest.mark.parametrize(
    ("value", "level", "line", "reason"),
    [
        ([MODEL, MODEL | {"title": ""}], "error", 17, "a dashboard has no title, which"),
        ([0, MODEL | {"panels": []}], "error", 3, "dashboard 'A' has no panels"),
        (MODEL | {"panels": [{"type": "row"}]}, "error", 1, "dashboard 'A' has no panels"),
        (
            {"schemaVersion": 1, "panels": [{"type": "graph"}]},
            "error",
            1,
            "the dashboard: no panel queries a data source (`targets`)",
        ),
        (
            MODEL | {"panels": [GRAPH, {"type": "stat", "title": "B", "targets": []}]},
            "warning",
            14,
            "panel 'B' has no queries (`targets`)",
        ),
        (
            MODEL | {"panels": [{"title": "B", "targets": [{"expr": "up up"}]}]},
            "warning",
            8,
            "panel 'B': the expression is not valid PromQL: ",
        ),
        (
            MODEL | {"panels": [{"title": "B", "targets": [{"expr": "up $x ) y"}]}]},
            "note",
            8,
            "panel 'B': the expression is not valid PromQL: ",
        ),
        (
            MODEL | {"panels": [{"title": "B", "targets": [{"expr": "(" * 201}]}]},
            "note",
            8,
            "panel 'B': an expression is too complex to check",
        ),
    ],
)
def test_what_is_wrong(value: Any, level: str, line: int, reason: str) -> None:
    found = said(judged(value))
    assert any(each[:2] == (level, line) and each[2].startswith(reason) for each in found), found


@pytest.mark.parametrize(
    "panel",
    [
        {"type": "text"},
        {"type": "dashlist"},
        {"libraryPanel": {"uid": "x"}},
        {"targets": [{"expr": "rate(x[$__rate_interval])"}]},
        {"targets": [{"expr": "rate(x[${interval:text}])"}]},
        {"targets": [{"expr": "rate(x[[[interval]]])"}]},
        {"targets": [{"expr": 'x{a="$b"} > ${c} * [[d]]'}]},
        {"targets": [{"expr": "x[5m]"}]},
        {"targets": [{"expr": "SELECT * FROM x"}], "datasource": "influxdb"},
        {"targets": [{"expr": '{a="b"} |= "c"', "datasource": {"type": "loki"}}]},
        {"targets": [{"rawSql": "SELECT 1"}]},
    ],
)
def test_what_is_right_has_no_finding(panel: dict[str, Any]) -> None:
    assert said(judged(MODEL | {"panels": [panel]})) == []


def test_lines_inside_a_config_map() -> None:
    model = json.dumps(MODEL | {"panels": []}, indent=1)
    text = CONFIG_MAP + "  x: y\n  a.json: |\n" + "".join(f"    {x}\n" for x in model.splitlines())
    assert said(judge(text.encode())) == [("error", 6, "dashboard 'A' has no panels")]


def test_a_broken_embedded_file_is_reported_next_to_a_valid_one() -> None:
    good = json.dumps(MODEL)
    text = CONFIG_MAP + f"  a.json: |\n    {good}\n  b.json: |\n    {{\n    x\n"
    assert [found[:2] for found in said(judge(text.encode()))] == [("warning", 8)]


def test_the_number_of_panels_is_limited() -> None:
    report = judged([MODEL | {"panels": [{"targets": [{}]}] * 1_000}] * 11)
    assert sum(len(dashboard.panels) for dashboard in report.dashboards) == 10_000
    assert ("warning", 1, "too many panels: only the first 20,000 are checked") in said(report)
