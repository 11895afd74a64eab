"""Find and check Helm charts and values, and Kubernetes manifests.

The checks follow Helm's `chart.Metadata.Validate` and "Charts" in its documentation.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, Field

from hub.content.rules import schema
from hub.content.rules.alerts import RULE_RESOURCES
from hub.content.rules.compatibility import Need, need_of_resource
from hub.content.rules.dashboards import DASHBOARD_RESOURCES
from hub.content.rules.files import YAML, DirectoryFile, is_templates
from hub.content.rules.helmignore import ignore_patterns, ignore_problems, is_ignored
from hub.content.rules.kube_version import kube_version_problem
from hub.content.rules.report import (
    About,
    FileReport,
    Finding,
    Findings,
    HelmChart,
    KubernetesResource,
    Level,
)
from hub.content.rules.schema import Boolean, Text
from hub.content.rules.values import LineDict, as_text, dict_of, embedded_files, resources

# Helm's library (Masterminds/semver) allows a leading "v", missing parts and leading zeros, but
# parts of a prerelease that are numbers must not begin with 0.
_PRERELEASE = r"(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"v?\d{{1,19}}(\.\d{{1,19}}){{0,2}}(-{_PRERELEASE}(\.{_PRERELEASE})*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
_ALIAS = re.compile(r"[a-zA-Z0-9_-]*")
# The API version of a Kubernetes resource: the groups without a dot are Kubernetes' own.
_API_VERSION = re.compile(
    r"(?:(?:(?:apps|autoscaling|batch|extensions|policy)|[a-z0-9-]+(?:\.[a-z0-9-]+)+)/)?"
    r"v\d+(?:(?:alpha|beta)\d+)?"
)
# Groups of files that are configuration of a tool: kubectl does not accept them.
_TOOLS = re.compile(
    r"(?:kind\.x-k8s\.io|backstage\.io|eksctl\.io|audit\.k8s\.io|k3d\.io|kubeadm\.k8s\.io|"
    r"tanka\.dev|scorecard\.operatorframework\.io|"
    r".*(?<!kustomize)\.config\.k8s\.io)/"
)
_KUSTOMIZE = "kustomize.config.k8s.io/"
_MAX_LENGTH = 300
_MAX_MANIFESTS = 200
_MAX_VALUES = 100
# Resources that contain alerting rules or dashboards and deploy nothing.
CONTENT_RESOURCES = {
    *RULE_RESOURCES,
    *DASHBOARD_RESOURCES,
    *("Dashboard", "DashboardWithAccessInfo"),
}
_CONTENT = re.compile(r'"(?:panels|rows)"\s*:|^[ \t]*(?:-[ \t]+)?"?alert"?[ \t]*:', re.MULTILINE)


class _Maintainer(BaseModel):
    name: Text | None = None
    email: Text | None = None
    url: Text | None = None


class _Dependency(BaseModel):
    name: Text | None = None
    version: Text | None = None
    repository: Text | None = None
    condition: Text | None = None
    alias: Text | None = None
    tags: list[Text] | None = None
    enabled: Boolean | None = None
    import_values: list[Any] | None = Field(None, alias="import-values")


class _Metadata(BaseModel):
    """Chart.yaml, as Helm's `chart.Metadata` defines it. Helm ignores other fields."""

    api_version: Text | None = Field(None, alias="apiVersion")
    name: Text | None = None
    version: Text | None = None
    kube_version: Text | None = Field(None, alias="kubeVersion")
    app_version: Text | None = Field(None, alias="appVersion")
    description: Text | None = None
    type: Text | None = None
    home: Text | None = None
    icon: Text | None = None
    condition: Text | None = None
    tags: Text | None = None
    deprecated: Boolean | None = None
    sources: list[Text] | None = None
    keywords: list[Text] | None = None
    annotations: dict[Text, Text] | None = None
    maintainers: list[_Maintainer] | None = None
    dependencies: list[_Dependency] | None = None


def read_chart(documents: list[Any]) -> HelmChart | None:
    """Return the metadata if the first document may be a Chart.yaml. Helm ignores the others."""
    document = _with_known_keys(dict_of(documents[0])) if documents else LineDict()
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


def _with_known_keys(document: LineDict) -> LineDict:
    """Return the document with Helm's spelling of its keys: Helm ignores their case."""
    fields = (field.alias or name for name, field in _Metadata.model_fields.items())
    known = {name.casefold(): name for name in fields}
    named = LineDict(document.line)
    for key, value in document.items():
        name = known.get(key.casefold(), key) if isinstance(key, str) else key
        named[name], named.lines[name] = value, document.line_of(key)
    return named


def _check_chart(document: LineDict) -> Findings:
    findings = Findings(About.CHART)
    for problem in schema.model_problems(_Metadata, document):
        findings.error(problem.line, f"Chart.yaml: {problem.reason}")

    def add(key: str, reason: str) -> None:
        findings.error(document.line_of(key), reason)

    for key in ("name", "version"):
        if not document.text(key):
            add(key, f"Chart.yaml lacks `{key}`, which Helm requires")
    api_version, kind = document.text("apiVersion"), document.text("type")
    version = as_text(document.get("version"))
    if api_version and api_version not in ("v1", "v2"):
        add("apiVersion", f"apiVersion {api_version[:40]!r} is neither v1 nor v2")
    if version.strip() and (len(version) > _MAX_LENGTH or not _VERSION.fullmatch(version)):
        add("version", f"version {version[:40]!r} is not a semantic version such as 1.2.3")
    if kind and kind not in ("application", "library"):
        add("type", f"type {kind[:40]!r} is neither application nor library")
    kube_version = as_text(document.get("kubeVersion"))
    if kube_version and (why_not := kube_version_problem(kube_version)):
        add("kubeVersion", f"kubeVersion {kube_version[:40]!r} {why_not}")
    elif kube_version:
        reason = f"the chart needs a version of Kubernetes that matches {kube_version!r}"
        line, needs = document.line_of("kubeVersion"), f"Kubernetes {kube_version}"
        findings.note(line, reason, needs=needs)
    if "/" in document.text("name") or document.text("name") in (".", ".."):
        add("name", "the name of a chart must not contain a slash")
    _check_dependencies(findings, document)
    return findings


def check_requirements(documents: list[Any]) -> tuple[Finding, ...]:
    """Return the errors of a requirements.yaml, the former place of a chart's dependencies."""
    document = dict_of(documents[0]) if documents else LineDict()
    if document.keys() != {"dependencies"}:
        return ()
    findings = Findings(About.CHART)
    for problem in schema.model_problems(_Metadata, document):
        findings.error(problem.line, f"requirements.yaml: {problem.reason}")
    _check_dependencies(findings, document)
    return tuple(findings)


def _check_dependencies(findings: Findings, document: LineDict) -> None:
    names: set[str] = set()
    for item in document.children("dependencies"):
        name = item.text("alias") or item.text("name")
        if not _ALIAS.fullmatch(item.text("alias")):
            findings.error(item.line, f"the alias {name[:40]!r} of a dependency is not allowed")
        if name in names:
            reason = f"two dependencies are called {name[:40]!r}: give one of them an `alias`"
            findings.error(item.line, reason)
        names.add(name)


def find_manifests(documents: list[Any], findings: Findings) -> list[KubernetesResource]:
    """Return the Kubernetes resources that would deploy something.

    Adds a finding for each that Kubernetes removed.
    """
    found, noted = [], set[Need]()
    for document in resources(documents):
        kind = document.text("kind")
        if kind in CONTENT_RESOURCES or not _is_resource(document):
            continue
        texts = {text for _, text, _ in embedded_files(document)}  # aliases may repeat one
        if kind in ("ConfigMap", "Secret") and any(map(_CONTENT.search, texts)):
            continue
        name = document.child("metadata").text("name")
        found.append(KubernetesResource(kind[:_MAX_LENGTH], name[:_MAX_LENGTH], document.line))
        need = need_of_resource(document.text("apiVersion"), kind)
        if need and need not in noted:
            noted.add(need)
            findings.note(document.line, need.reason, needs=need.needs)
    return found[:_MAX_MANIFESTS]


def _is_resource(document: LineDict) -> bool:
    """Whether kubectl would accept the document. Other tools use `kind` and `apiVersion`, too."""
    kind, version = document.text("kind"), document.text("apiVersion")
    if not kind or not _API_VERSION.fullmatch(version) or _TOOLS.match(version):
        return False
    named = isinstance(document.get("metadata"), LineDict) or version.startswith(_KUSTOMIZE)
    return named if "." in version or kind == "Config" else True


def values_of(documents: list[Any]) -> tuple[str, ...]:
    """Return the top-level keys of a document that may be a chart's values."""
    document = dict_of(documents[0]) if len(documents) == 1 else LineDict()
    # Some charts have a value called `kind`.
    if "kind" in document and {"apiVersion", "metadata", "spec", "data"} & document.keys():
        return ()
    return tuple(str(key)[:_MAX_LENGTH] for key in document)[:_MAX_VALUES]


class ChartFolder:
    """A folder with a Helm chart, valid or not.

    `head` is its main file, such as Chart.yaml. `heads`: path of the main file → chart, for this
    chart and those inside it. `usable`: whether Helm would install it (None: not read). Helm does
    not see the files that `.helmignore` names.
    """

    def __init__(self, folder: tuple[str, ...], inside: list[DirectoryFile]) -> None:
        first = inside[0]
        self.folder = folder
        self.findings: list[Finding] = []
        self.heads: dict[str, ChartFolder] = {}
        every = [file for file in inside if file.folders == folder]
        self._ignored = self._ignored_files(every, inside)
        inside = [file for file in inside if file.path not in self._ignored]
        own = [file for file in every if file.path not in self._ignored]
        metadata = next(filter(_is_chart_file, own), None)
        values = next((file for file in own if file.name == "values.yaml"), None)
        self.head = metadata or next(filter(_is_chart_file, every), None) or values or first
        self._unread = {file.name for file in own if file.unread}  # maybe folders
        place = "/".join(folder) or "."
        if metadata is None and self.head.path in self._ignored:
            self._add_error(self.head.path, f".helmignore names {self.head.path}: remove it there")
        elif metadata is None:
            self._add_error(place, "the chart has no Chart.yaml, which Helm requires")
        else:
            self._check_metadata(metadata)
        if values and values.report:
            self._check_values(values.path, values.report)
        for file in own:
            if file.name == "requirements.yaml" and file.report:
                self.findings += [replace(e, path=file.path) for e in file.report.requirements]
        self._check_templates(place, inside, metadata)
        self.renders_rules = False  # from values or files
        self._included, self._rendered = set[str](), set[str]()
        for file in filter(self._is_template, inside):
            if file.report:
                self.findings += [replace(each, path=file.path) for each in file.report.template]
                self.renders_rules |= file.report.renders_rules
                self._included.update(file.report.includes)
                self._rendered.update(file.report.includes if file.report.uses_tpl else ())
        unread = (metadata is not None and metadata.report is None) or "templates" in self._unread
        broken = any(finding.level == Level.ERROR for finding in self.findings)
        self.usable: bool | None = False if broken else None if unread else True

    def ignores(self, file: DirectoryFile) -> bool:
        """Whether Helm does not see the file, because of `.helmignore`."""
        return file.path in self._ignored

    def includes(self, file: DirectoryFile) -> bool:
        """Whether a template of the chart may include the file."""
        path = "/".join(self._path_of(file))
        seen = not (self.ignores(file) or file.in_templates)
        return seen and path.startswith(tuple(self._included))

    def renders(self, file: DirectoryFile) -> bool:
        """Whether a template of the chart may include the file and render its actions."""
        path = "/".join(self._path_of(file))
        return self.includes(file) and path.startswith(tuple(self._rendered))

    def _path_of(self, file: DirectoryFile) -> tuple[str, ...]:
        return PurePosixPath(file.path).parts[len(self.folder) :]

    def _ignored_files(self, own: list[DirectoryFile], inside: list[DirectoryFile]) -> set[str]:
        """Return the paths of the files that `.helmignore` names, and check its patterns."""
        ignore_file = next((file for file in own if file.name == ".helmignore"), None)
        if ignore_file is None or ignore_file.report is None:
            return set()
        lines = ignore_file.report.ignore_lines
        for line, reason in ignore_problems(lines):
            self.findings.append(Finding(Level.ERROR, About.CHART, line, reason, ignore_file.path))
        if self.findings:
            return set()
        patterns = ignore_patterns(lines)
        return {file.path for file in inside if is_ignored(patterns, self._path_of(file))}

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

    def _check_values(self, path: str, report: FileReport) -> None:
        if report.has_errors(About.FILE) or report.format == "template":
            self._add_error(path, "the chart's values cannot be parsed")
        elif report.root:
            self._add_error(path, f"the chart's values are a {report.root}, not a mapping")

    def _is_template(self, file: DirectoryFile) -> bool:
        """Whether Helm parses the file as a template of the chart or of one of its dependencies."""
        folders = file.folders[len(self.folder) :]
        while folders[:1] == ("charts",):
            folders = folders[2:]
        return folders[:1] == ("templates",) and not file.name.startswith(".")

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
    """Whether a file in a `templates` folder indicates a chart; other tools have templates, too."""
    report = file.report
    return file.suffix in YAML and (
        report is None or report.format == "empty" or bool(report.manifests) or report.helm_actions
    )
