"""Tests of monitors: made where port and labels are known, and never guessed."""

import pytest

from hub.packs.monitors import Monitor, monitor_of_chart, monitors_of_manifests
from hub.packs.plain import Unsuitable

_CHART = b"apiVersion: v2\nname: mysql-exporter\nversion: 1.0.0\n"
_VALUES = b"nameOverride: ''\nservice:\n  port: 9104\nserviceMonitor:\n  enabled: false\n"
_SERVICE = b"""\
apiVersion: v1
kind: Service
metadata:
  name: a
  labels: {app: a, version: 1.0}
spec:
  ports: [{name: http-metrics, port: 80, targetPort: 9100}, {name: web, port: 8080}]
"""
_DEPLOYMENT = b"""\
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, namespace: tools}
spec:
  template:
    metadata:
      labels: {app: a}
    spec:
      containers: [{name: a, ports: [{containerPort: 9100}]}]
"""


def test_a_chart_with_the_layout_of_helm_create() -> None:
    monitor = monitor_of_chart(_CHART, _VALUES)
    assert monitor.kind == "ServiceMonitor"
    assert monitor.spec == {
        "endpoints": [{"targetPort": 9104}],
        "selector": {"matchLabels": {"app.kubernetes.io/name": "mysql-exporter"}},
    }
    own_name = _VALUES.replace(b"''", b"other") + b"  x: 1\n"
    labels = monitor_of_chart(_CHART, own_name).spec["selector"]["matchLabels"]
    assert labels == {"app.kubernetes.io/name": "other"}
    target = _VALUES.replace(b"port: 9104", b"port: 80\n  targetPort: 9187")
    assert monitor_of_chart(_CHART, target).spec["endpoints"] == [{"targetPort": 9187}]


@pytest.mark.parametrize(
    ("chart", "values", "reason"),
    [
        (_CHART, None, "labels"),
        (_CHART, _VALUES.replace(b"nameOverride", b"other"), "labels"),
        (_CHART.replace(b"v2", b"v1"), _VALUES, "labels"),
        (_CHART.replace(b"mysql-exporter", b"'a b'"), _VALUES, "labels"),
        (_CHART, _VALUES.replace(b"9104", b"http"), "port"),
        (_CHART, _VALUES.replace(b"9104", b"99999"), "port"),
        (_CHART, _VALUES.replace(b"false", b"true"), "installs its own"),
        (_CHART, b"prometheus:\n  podMonitor: {enabled: true}\n", "installs its own"),
    ],
)
def test_a_chart_whose_port_or_labels_are_not_known(
    chart: bytes, values: bytes | None, reason: str
) -> None:
    with pytest.raises(Unsuitable, match=reason):
        monitor_of_chart(chart, values)


def of_manifests(*manifests: bytes) -> list[Monitor]:
    return [monitor for _, monitor in monitors_of_manifests(enumerate(manifests))]


def test_a_service_is_monitored_by_its_metrics_port() -> None:
    [monitor] = of_manifests(_DEPLOYMENT, _SERVICE)
    assert monitor.kind == "ServiceMonitor"
    assert monitor.spec["endpoints"] == [{"port": "http-metrics"}]
    assert monitor.spec["selector"] == {"matchLabels": {"app": "a", "version": "1.0"}}


def test_a_workload_without_a_service_is_monitored_by_its_pods() -> None:
    [monitor] = of_manifests(_DEPLOYMENT)
    assert monitor.kind == "PodMonitor"
    assert monitor.spec["podMetricsEndpoints"] == [{"portNumber": 9100}]
    assert monitor.spec["namespaceSelector"] == {"matchNames": ["tools"]}


@pytest.mark.parametrize(
    "manifest",
    [
        _SERVICE.replace(b"http-metrics", b"http"),
        _SERVICE.replace(b"{app: a, version: 1.0}", b"{}"),
        _SERVICE.replace(b"app: a", b"'a b': a"),
        _SERVICE.replace(b"[{name: http-metrics, port: 80, targetPort: 9100},", b"[{name: a},"),
    ],
)
def test_manifests_whose_port_or_labels_are_not_known(manifest: bytes) -> None:
    with pytest.raises(Unsuitable, match="do not tell which port"):
        of_manifests(manifest)


def test_manifests_that_need_no_monitor() -> None:
    assert of_manifests(b"apiVersion: v1\nkind: ConfigMap\n") == []
    with pytest.raises(Unsuitable, match="have their own"):
        of_manifests(_DEPLOYMENT, b"apiVersion: x\nkind: ServiceMonitor\n")
