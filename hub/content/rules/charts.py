"""Find and check infrastructure as code: Helm charts and values, Kubernetes manifests.

The checks follow Helm's `chart.Metadata.Validate` and "Charts" in its documentation.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from hub.content.rules.alerts import RULE_RESOURCES
from hub.content.rules.files import YAML, DirectoryFile, is_templates
from hub.content.rules.report import About, Finding, Findings, HelmChart, KubernetesResource, Level
from hub.content.rules.values import LineDict, dict_of, embedded_files, resources

# The expression from semver.org; like Helm it allows a leading "v" and missing parts.
_VERSION = re.compile(
    r"v?(0|[1-9]\d*)(\.(0|[1-9]\d*)){0,2}(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
_MAX_LENGTH = 300
_MAX_MANIFESTS = 200
_MAX_VALUES = 100
# Resources that contain alerting rules or dashboards and deploy nothing.
CONTENT_RESOURCES = {*RULE_RESOURCES, "GrafanaDashboard", "Dashboard", "DashboardWithAccessInfo"}
_CONTENT = re.compile(r'"(?:panels|rows)"\s*:|^[ \t]*(?:-[ \t]+)?"?alert"?[ \t]*:', re.MULTILINE)


def read_chart(documents: list[Any]) -> HelmChart | None:
    """Return the metadata if the only document may be a Chart.yaml."""
    if len(documents) != 1:
        return None
    document = dict_of(documents[0])
    if not {"name", "version"} & document.keys() or "kind" in document:
        return None
    required = [item.text("name")[:_MAX_LENGTH] for item in document.children("dependencies")]
    return HelmChart(
        name=document.text("name")[:_MAX_LENGTH],
        version=document.text("version")[:_MAX_LENGTH],
        app_version=document.text("appVersion")[:_MAX_LENGTH],
        description=document.text("description")[:_MAX_LENGTH],
        type=document.text("type")[:_MAX_LENGTH],
        dependencies=tuple(required[:100]),
        findings=tuple(_check_chart(document)),
    )


def _check_chart(document: LineDict) -> Findings:
    findings = Findings(About.CHART)

    def add(key: str, reason: str) -> None:
        findings.error(document.line_of(key), reason)

    for key in ("apiVersion", "name", "version"):
        if not document.text(key):
            add(key, f"Chart.yaml lacks `{key}`, which Helm requires")
    api_version, version, kind = map(document.text, ("apiVersion", "version", "type"))
    if api_version and api_version not in ("v1", "v2"):
        add("apiVersion", f"apiVersion {api_version[:40]!r} is neither v1 nor v2")
    if version and (len(version) > _MAX_LENGTH or not _VERSION.fullmatch(version)):
        add("version", f"version {version[:40]!r} is not a semantic version such as 1.2.3")
    if kind and kind not in ("application", "library"):
        add("type", f"type {kind[:40]!r} is neither application nor library")
    if "/" in document.text("name"):
        add("name", "the name of a chart must not contain a slash")
    return findings


def find_manifests(documents: list[Any]) -> list[KubernetesResource]:
    """Return the Kubernetes resources that would deploy something."""
    found = []
    for document in resources(documents):
        kind = document.text("kind")
        if not kind or not document.text("apiVersion") or kind in CONTENT_RESOURCES:
            continue
        texts = {text for _, text, _ in embedded_files(document)}  # aliases may repeat one
        if kind == "ConfigMap" and any(map(_CONTENT.search, texts)):
            continue
        name = document.child("metadata").text("name")
        found.append(KubernetesResource(kind[:_MAX_LENGTH], name[:_MAX_LENGTH], document.line))
    return found[:_MAX_MANIFESTS]


def values_of(documents: list[Any]) -> tuple[str, ...]:
    """Return the top-level keys of a document that may be a chart's values."""
    if len(documents) != 1 or "kind" in dict_of(documents[0]):
        return ()
    return tuple(str(key)[:_MAX_LENGTH] for key in dict_of(documents[0]))[:_MAX_VALUES]


class ChartFolder:
    """A folder with a Helm chart, valid or not.

    `head` is its main file, such as Chart.yaml. `heads`: path of the main file → chart, for this
    chart and those inside it. `usable`: whether Helm would install it (None: not read).
    """

    def __init__(self, folder: tuple[str, ...], inside: list[DirectoryFile]) -> None:
        own = [file for file in inside if file.folders == folder]
        metadata = next(filter(_is_chart_file, own), None)
        values = next((file for file in own if file.name == "values.yaml"), None)
        self.folder = folder
        self.findings: list[Finding] = []
        self.head = metadata or values or inside[0]
        self.heads: dict[str, ChartFolder] = {}
        self._unread = {file.name for file in own if file.unread}  # maybe folders
        place = "/".join(folder) or "."
        if metadata is None:
            self._add_error(place, "the chart has no Chart.yaml, which Helm requires")
        else:
            self._check_metadata(metadata)
        if values and values.report and values.report.has_errors(About.FILE):
            self._add_error(values.path, "the chart's values cannot be parsed")
        self._check_templates(place, inside, metadata)
        unread = (metadata is not None and metadata.report is None) or "templates" in self._unread
        self.usable: bool | None = False if self.findings else None if unread else True

    def _add_error(self, path: str, reason: str) -> None:
        self.findings.append(Finding(Level.ERROR, About.CHART, 1, reason, path))

    def _check_metadata(self, metadata: DirectoryFile) -> None:
        path, report = metadata.path, metadata.report
        if not path.endswith("Chart.yaml"):
            self._add_error(path, "Helm reads only a file named Chart.yaml: rename this one")
        if report and report.has_errors(About.FILE):
            self._add_error(path, "Chart.yaml cannot be parsed")
        elif report and report.chart is None:
            self._add_error(path, "Chart.yaml is not a chart: `name` and `version` are missing")
        elif report and report.chart:
            self.findings += [replace(finding, path=path) for finding in report.chart.findings]

    def _check_templates(
        self, place: str, inside: list[DirectoryFile], metadata: DirectoryFile | None
    ) -> None:
        depth = len(self.folder)
        below = {file.folders[depth] for file in inside if len(file.folders) > depth}
        below |= self._unread
        if below & {"templates", "crds"} or (metadata and metadata.unread):
            return
        chart = metadata.report.chart if metadata and metadata.report else None
        library = chart is not None and (chart.type == "library" or bool(chart.dependencies))
        misnamed = sorted(filter(is_templates, below))
        if misnamed:
            path = "/".join((*self.folder, misnamed[0]))
            self._add_error(path, "Helm renders only a folder named `templates`: rename this one")
        elif not (library or "charts" in below or "requirements.yaml" in {f.name for f in inside}):
            self._add_error(place, "the chart has no `templates`: Helm would install nothing")


class ChartFolders:
    """The charts of a directory."""

    def __init__(self, files: list[DirectoryFile]) -> None:
        folders = {file.folders for file in files if _is_chart_file(file)}
        folders |= {
            file.folders[:depth]
            for file in files
            for depth, folder in enumerate(file.folders)
            if is_templates(folder) and _may_be_template(file)
        }
        # The `charts` folder contains a chart's dependencies, which are not the exporter's content.
        inside: dict[tuple[str, ...], list[DirectoryFile]] = {
            folder: []
            for folder in sorted(folders)
            if not _is_dependency(folder, folders) and not any(map(is_templates, folder))
        }
        for file in files:
            for folder in _above(file.folders):
                if folder in inside:
                    inside[folder].append(file)
        self.all = [ChartFolder(folder, each) for folder, each in inside.items()]
        self._by_folder = {chart.folder: chart for chart in self.all}
        for chart in self.all:
            for above in filter(None, map(self._by_folder.get, _above(chart.folder))):
                above.heads[chart.head.path] = chart

    def of(self, file: DirectoryFile) -> ChartFolder | None:
        """Return the outermost chart that contains the file, if any."""
        return next(filter(None, map(self._by_folder.get, _above(file.folders))), None)

    def is_dependency(self, file: DirectoryFile) -> bool:
        """Whether the file belongs to a dependency of one of these charts."""
        return _is_dependency(file.folders, self._by_folder)


def _above(folders: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the folder and its parents, the outermost first."""
    return (folders[:depth] for depth in range(len(folders) + 1))


def _is_dependency(folders: tuple[str, ...], charts: Collection[tuple[str, ...]]) -> bool:
    return any(part == "charts" and folders[:depth] in charts for depth, part in enumerate(folders))


def _is_chart_file(file: DirectoryFile) -> bool:
    return file.name in ("chart.yaml", "chart.yml", "charts.yaml") and not file.in_templates


def _may_be_template(file: DirectoryFile) -> bool:
    """Whether a file in a `templates` folder indicates a chart; a plain rule file does not."""
    report = file.report
    return file.suffix in YAML and (
        report is None or not file.parsed or bool(report.manifests) or report.helm_actions
    )
