"""Derive a ServiceMonitor or PodMonitor from a chart or from manifests. Pure functions.

Nothing is guessed: without a known port and known labels there is no monitor.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from hub.content.rules.parsing import parse_documents
from hub.content.rules.values import LineDict, dict_of, resources, text_of
from hub.packs.options import is_label, is_namespace
from hub.packs.plain import Unsuitable

F = TypeVar("F")

_WORKLOADS = {"Deployment", "DaemonSet", "StatefulSet"}
_MONITORS = {"ServiceMonitor", "PodMonitor", "VMServiceScrape", "VMPodScrape"}
_MONITOR_VALUES = {"servicemonitor", "podmonitor", "monitor"}
_METRICS = re.compile("metrics|prom|exporter")
_PORT_NAME = re.compile(r"(?=.{1,63}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True)
class Monitor:
    """The kind and the spec of a monitor."""

    kind: str
    spec: Mapping[str, Any]


def monitor_of_chart(metadata: bytes, values: bytes | None) -> Monitor:
    """Return the monitor of the Service that a chart with the layout of `helm create` installs.

    Raises `Unsuitable` if its port or labels are not known, or if it installs a monitor itself.
    """
    chart, chart_values = _only_mapping(metadata), _only_mapping(values or b"")
    if _installs_monitor(chart_values):
        raise Unsuitable("no monitor: the chart installs its own")
    name = chart_values.text("nameOverride") or chart.text("name")
    label = {"app.kubernetes.io/name": name[:63].removesuffix("-")}
    # Older charts use other labels, and charts without this value have their own naming.
    scaffold = chart.text("apiVersion") == "v2" and "nameOverride" in chart_values
    if not scaffold or not _are_labels(label):
        raise Unsuitable("no monitor: the labels of the chart's Service are not known")
    service = chart_values.child("service")
    port = _number(service.text("targetPort")) or _number(service.text("port"))
    if not port:
        raise Unsuitable("no monitor: the chart's values do not name the port of its Service")
    return Monitor(
        "ServiceMonitor",
        {"endpoints": [{"targetPort": port}], "selector": {"matchLabels": label}},
    )


def _installs_monitor(values: LineDict) -> bool:
    """Whether `serviceMonitor.enabled` or a similar value is true."""
    levels = [values, *(value for value in values.values() if isinstance(value, LineDict))]
    return any(
        str(key).casefold() in _MONITOR_VALUES and dict_of(value).text("enabled").lower() == "true"
        for level in levels
        for key, value in level.items()
    )


def monitors_of_manifests(manifests: Iterable[tuple[F, bytes]]) -> list[tuple[F, Monitor]]:
    """Return the monitors of the Services in an exporter's manifests, or else of its workloads.

    Each has the file that it is derived from. The list is empty if the manifests deploy nothing
    that could be monitored. Raises `Unsuitable` if no port or no labels are known.
    """
    found = [
        (file, resource)
        for file, data in manifests
        for resource in resources(parse_documents(data).documents)
    ]
    if any(resource.text("kind") in _MONITORS for _, resource in found):
        raise Unsuitable("no monitor: the manifests have their own")
    for kinds in ({"Service"}, _WORKLOADS):
        candidates = ((f, _monitor(each)) for f, each in found if each.text("kind") in kinds)
        if monitors := [(file, monitor) for file, monitor in candidates if monitor]:
            return monitors
    if any(resource.text("kind") in {"Service", *_WORKLOADS} for _, resource in found):
        raise Unsuitable("no monitor: the manifests do not tell which port serves metrics")
    return []


def _monitor(resource: LineDict) -> Monitor | None:
    """Return the monitor of a Service or of a workload's pods; None if something is not known."""
    namespace = resource.child("metadata").text("namespace")
    if resource.text("kind") == "Service":
        labels = _labels(resource.child("metadata"))
        endpoint = _service_endpoint(_metrics_port(list(resource.child("spec").children("ports"))))
        kind, endpoints = "ServiceMonitor", "endpoints"
    else:
        template = resource.child("spec").child("template")
        containers = template.child("spec").children("containers")
        ports = [port for container in containers for port in container.children("ports")]
        labels, endpoint = _labels(template.child("metadata")), _pod_endpoint(_metrics_port(ports))
        kind, endpoints = "PodMonitor", "podMetricsEndpoints"
    if not labels or not endpoint:
        return None
    spec: dict[str, Any] = {endpoints: [endpoint], "selector": {"matchLabels": labels}}
    if is_namespace(namespace):
        spec["namespaceSelector"] = {"matchNames": [namespace]}
    return Monitor(kind, spec)


def _metrics_port(ports: list[LineDict]) -> LineDict:
    """Return the only port, or the only one named like metrics; otherwise an empty one."""
    named = [port for port in ports if _METRICS.search(port.text("name"))]
    candidates = ports if len(ports) == 1 else named
    return candidates[0] if len(candidates) == 1 else LineDict()


def _service_endpoint(port: LineDict) -> dict[str, Any]:
    if _PORT_NAME.fullmatch(port.text("name")):
        return {"port": port.text("name")}
    target = port.text("targetPort") or port.text("port")
    if _PORT_NAME.fullmatch(target):
        return {"targetPort": _number(target) or target}
    return {}


def _pod_endpoint(port: LineDict) -> dict[str, Any]:
    if _PORT_NAME.fullmatch(port.text("name")):
        return {"port": port.text("name")}
    number = _number(port.text("containerPort"))
    return {"portNumber": number} if number else {}


def _labels(metadata: LineDict) -> dict[str, str]:
    labels = {str(key): text_of(value) for key, value in metadata.child("labels").items()}
    return labels if _are_labels(labels) else {}


def _are_labels(labels: Mapping[str, str]) -> bool:
    return all(is_label(key, value) and value for key, value in labels.items())


def _number(text: str) -> int:
    """Return a port's number; 0 if the text is none."""
    return int(text) if re.fullmatch("[1-9][0-9]{0,4}", text) and int(text) <= 65_535 else 0


def _only_mapping(data: bytes) -> LineDict:
    documents = parse_documents(data).documents
    return dict_of(documents[0]) if len(documents) == 1 else LineDict()
