"""Tests of charts, values and manifests."""

import pytest

from hub.content.rules.judge import judge
from hub.content.rules.report import HelmChart, KubernetesResource

CHART = "apiVersion: v2\nname: redis\nversion: 1.2.3\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: redis\n"


def chart_in(text: str) -> HelmChart:
    chart = judge(text.encode()).chart
    assert chart is not None
    return chart


def test_what_is_read_of_a_chart() -> None:
    text = CHART + 'appVersion: "1.10"\ndescription: A\ntype: application\n'
    text += "dependencies:\n- name: a\n- name: b\n"
    assert chart_in(text) == HelmChart("redis", "1.2.3", "1.10", "A", "application", ("a", "b"))


@pytest.mark.parametrize(
    "text",
    ["", "a: b\n", "- name: x\n", "a: b\n---\n" + CHART, CHART + "kind: Service\n", "name\n"],
)
def test_no_chart(text: str) -> None:
    assert judge(text.encode()).chart is None


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (CHART.replace("name: redis\n", ""), 1, "Chart.yaml lacks `name`, which Helm requires"),
        ("# x\n" + CHART.replace("version: 1.2.3\n", ""), 2, "Chart.yaml lacks `version`, which"),
        (CHART.replace("redis", ""), 2, "Chart.yaml lacks `name`, which Helm requires"),
        (CHART + "keywords: a\n", 4, "Chart.yaml: `keywords` is not a list"),
        (CHART + "home: [a]\n", 4, "Chart.yaml: `home` is not a string"),
        (CHART + "annotations: []\n", 4, "Chart.yaml: `annotations` is not a mapping"),
        (CHART + "deprecated: 'true'\n", 4, "Chart.yaml: `deprecated: true` is neither true nor"),
        (CHART + "dependencies: {}\n", 4, "Chart.yaml: `dependencies` is not a list"),
        (CHART + "maintainers:\n- a\n", 5, "Chart.yaml: an item of a list is not a mapping"),
        (CHART + "dependencies: [{name: a}, {name: a}]\n", 4, "two dependencies are called 'a'"),
        (CHART + "dependencies: [{alias: a b}]\n", 4, "the alias 'a b' of a dependency is not"),
        (CHART.replace("1.2.3", "1.0.0-01"), 3, "version '1.0.0-01' is not a semantic version"),
        (CHART.replace("1.2.3", "'1.0.0 '"), 3, "version '1.0.0 ' is not a semantic version"),
        (CHART.replace("v2", "v3"), 1, "apiVersion 'v3' is neither v1 nor v2"),
        (CHART.replace("1.2.3", "latest"), 3, "version 'latest' is not a semantic version"),
        (CHART.replace("1.2.3", "1.2.3.4"), 3, "version '1.2.3.4' is not a semantic version"),
        (CHART.replace("1.2.3", "1.0.0-a..b"), 3, "version '1.0.0-a..b' is not a semantic version"),
        (CHART + "type: app\n", 4, "type 'app' is neither application nor library"),
        (CHART.replace("redis", "a/b"), 2, "the name of a chart must not contain a slash"),
    ],
)
def test_what_helm_refuses(text: str, line: int, reason: str) -> None:
    (finding,) = chart_in(text).findings
    assert (finding.level.value, finding.line) == ("error", line)
    assert finding.reason.startswith(reason)


@pytest.mark.parametrize(
    "version",
    [
        "1.2.3",
        "v1.2.3",
        "1.2",
        "1",
        "0.1.0-rc.1+build.5",
        "1.0.0-alpha",
        "1.10",
        "01.2.3",
        "1.0.0-0a",
        "1-x+01",
    ],
)
def test_versions_that_helm_takes(version: str) -> None:
    chart = chart_in(CHART.replace("1.2.3", version))
    assert (chart.version, chart.findings) == (version, ())


@pytest.mark.parametrize(
    ("text", "manifests"),
    [
        (SERVICE, (KubernetesResource("Service", "redis", 1),)),
        (
            "# x\n---\n" + SERVICE + "---\n" + SERVICE.replace("Service", "Secret"),
            (KubernetesResource("Service", "redis", 3), KubernetesResource("Secret", "redis", 8)),
        ),
        ('{"apiVersion": "v1", "kind": "Pod"}', (KubernetesResource("Pod", "", 1),)),
        (
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n",
            (KubernetesResource("Pod", "", 4),),
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n",
            (KubernetesResource("ConfigMap", "", 1),),
        ),
        ("apiVersion: v1\nkind: ConfigMap\ndata:\n  r: |\n    - alert: A\n", ()),
        ('apiVersion: v1\nkind: ConfigMap\ndata:\n  d: |\n    {"panels": []}\n', ()),
        ("apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n", ()),
        ("apiVersion: integreatly.org/v1alpha1\nkind: GrafanaDashboard\n", ()),
        ("kind: Service\n", ()),
        ("apiVersion: v1\n", ()),
        ("- apiVersion: v1\n  kind: Pod\n", ()),
    ],
)
def test_manifests(text: str, manifests: tuple[KubernetesResource, ...]) -> None:
    assert judge(text.encode()).manifests == manifests


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("image: x\nservice:\n  port: 1\n", ("image", "service")),
        ('{"image": "x"}', ("image",)),
        ("1: x\n~: y\n", ("1", "None")),
        ("- a\n", ()),
        ("text\n", ()),
        (SERVICE, ()),
        ("a: 1\n---\nb: 2\n", ()),
    ],
)
def test_values(text: str, values: tuple[str, ...]) -> None:
    assert judge(text.encode()).values == values
