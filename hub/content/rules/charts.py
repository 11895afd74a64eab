"""Infrastructure as code: Helm charts and values, Kubernetes manifests.

What Helm refuses is taken from its `chart.Metadata.Validate` and "Charts" of its documentation.
"""

import re
from typing import Any

from hub.content.rules.alerts import RULE_RESOURCES
from hub.content.rules.parsing import Findings, LineDict
from hub.content.rules.report import About, Chart, Manifest
from hub.content.rules.values import embedded_files, mapping_of, mappings_in, resources, text_of

# semver.org's own expression, with Helm's leave for a leading "v" and missing parts.
_VERSION = re.compile(
    r"v?(0|[1-9]\d*)(\.(0|[1-9]\d*)){0,2}(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
_CHART_KEYS = {"apiVersion", "name", "version"}
_LONGEST = 300
_MOST_MANIFESTS = 200
_MOST_VALUES = 100
# Resources that carry alerting rules or dashboards and deploy nothing.
CARRY_CONTENT = {*RULE_RESOURCES, "GrafanaDashboard", "Dashboard", "DashboardWithAccessInfo"}
_CARRIED = re.compile(r'"(?:panels|rows)"\s*:|^[ \t]*(?:-[ \t]+)?"?alert"?[ \t]*:', re.MULTILINE)


def read_chart(documents: list[Any]) -> Chart | None:
    """The metadata, when the one document might be a Chart.yaml."""
    document = mapping_of(documents[0]) if len(documents) == 1 else LineDict()
    if not {"name", "version"} & document.keys() or "kind" in document:
        return None

    def text(key: str) -> str:
        return text_of(document.get(key))[:_LONGEST]

    required = mappings_in(document.get("dependencies"))
    return Chart(
        name=text("name"),
        version=text("version"),
        app_version=text("appVersion"),
        description=text("description"),
        type=text("type"),
        dependencies=tuple(text_of(item.get("name"))[:_LONGEST] for item in required)[:100],
        findings=tuple(_check_chart(document)),
    )


def _check_chart(document: LineDict) -> Findings:
    findings = Findings(About.CHART)

    def add(key: str, reason: str) -> None:
        findings.error(document.line_of(key), reason)

    for key in sorted(_CHART_KEYS):
        if not text_of(document.get(key)):
            add(key, f"Chart.yaml lacks `{key}`, which Helm requires")
    api_version = text_of(document.get("apiVersion"))
    if api_version and api_version not in ("v1", "v2"):
        add("apiVersion", f"apiVersion {api_version[:40]!r} is neither v1 nor v2")
    version = text_of(document.get("version"))
    if version and (len(version) > _LONGEST or not _VERSION.fullmatch(version)):
        add("version", f"version {version[:40]!r} is no semantic version such as 1.2.3")
    kind = text_of(document.get("type"))
    if kind and kind not in ("application", "library"):
        add("type", f"type {kind[:40]!r} is neither application nor library")
    if "/" in text_of(document.get("name")):
        add("name", "a chart's name must not hold a slash")
    return findings


def find_manifests(documents: list[Any]) -> list[Manifest]:
    """The Kubernetes resources that would deploy something."""
    found = []
    for document in mappings_in([*resources(documents)]):
        kind = text_of(document.get("kind"))
        if not kind or not text_of(document.get("apiVersion")) or kind in CARRY_CONTENT:
            continue
        if kind == "ConfigMap" and _carries_content(document):
            continue
        name = text_of(mapping_of(document.get("metadata")).get("name"))
        found.append(Manifest(kind[:_LONGEST], name[:_LONGEST], document.line))
    return found[:_MOST_MANIFESTS]


def _carries_content(config_map: LineDict) -> bool:
    texts = {text for _, text, _ in embedded_files(config_map)}  # aliases may repeat one
    return any(_CARRIED.search(text) for text in texts)


def values_of(documents: list[Any]) -> tuple[str, ...]:
    """The top-level keys of a document that may be a chart's values."""
    if len(documents) != 1 or not isinstance(documents[0], LineDict) or "kind" in documents[0]:
        return ()
    return tuple(str(key)[:_LONGEST] for key in documents[0])[:_MOST_VALUES]
