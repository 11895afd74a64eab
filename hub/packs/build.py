"""Build a pack: decide what goes in, and say why the rest is left out."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hub.content.content_files import ContentFile, findings_of_folders, not_read
from hub.content.rules.report import AlertsForm, FileReport, Level
from hub.models import ContentBlob
from hub.packs.dashboards import compact, dashboards
from hub.packs.monitors import Monitor, monitor_of_chart, monitors_of_manifests
from hub.packs.options import PackOptions
from hub.packs.plain import MAX_SIZE, UniqueNames, Unsuitable, are_safe
from hub.packs.rule_files import as_rule_file, check_rule_file, rule_groups
from hub.packs.select import ExporterFiles

# The letters of the kinds whose files become Kubernetes resources.
APPLIED_KINDS = ("A", "G")
# The sidecar in Grafana's chart and in kube-prometheus-stack loads ConfigMaps with this label.
_SIDECAR_LABEL = {"grafana_dashboard": "1"}
# `kubectl apply` stores a copy of the resource in an annotation, whose limit is 256 KB.
_APPLY_LIMIT = 250_000
# Bytes of all files in a pack. The slowest, 4 MB of rules, take about four seconds.
_MAX_FILES_SIZE = 4 * 1024 * 1024
_INCOMPLETE_CHART = (
    "a chart of which the hub does not store all files: install it from the repository, with the "
    "values in this pack"
)
_UNREAD = "the hub has not read it, so it is not known whether it is usable"
_RENDERED = "only its chart renders it: install the chart"


@dataclass(frozen=True)
class PackResource:
    """A Kubernetes resource made from a file, and its path in the zip."""

    path: str
    document: dict[str, Any]
    origin: ContentFile


@dataclass(frozen=True)
class PackFile:
    """A file of the zip that is no Kubernetes resource: rules, a dashboard or an original file."""

    path: str
    data: bytes
    origin: ContentFile


@dataclass(frozen=True)
class LeftOut:
    """A file that a pack does not contain, and why."""

    path: str
    reason: str


@dataclass
class Pack:
    """The content of a pack. `files` are only in the zip."""

    exporters: list[ExporterFiles]
    options: PackOptions
    resources: list[PackResource] = field(default_factory=list)
    files: list[PackFile] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the download, without suffix."""
        return self.exporters[0].exporter.slug if len(self.exporters) == 1 else "exporters"

    @property
    def rules(self) -> list[PackResource]:
        """The PrometheusRules."""
        return [each for each in self.resources if each.document["kind"] == "PrometheusRule"]

    @cached_property
    def exceeds_apply(self) -> bool:
        """Whether only `kubectl apply --server-side` accepts one of the resources."""
        return any(len(json.dumps(each.document)) > _APPLY_LIMIT for each in self.resources)

    @property
    def origins(self) -> list[tuple[ContentFile, list[str]]]:
        """Each file of the contents that is in the pack, with the paths in the zip."""
        paths: dict[str, tuple[ContentFile, list[str]]] = {}
        items: list[PackResource | PackFile] = [*self.resources, *self.files]
        for item in items:
            paths.setdefault(item.origin.whole_path, (item.origin, []))[1].append(item.path)
        return [paths[path] for path in sorted(paths)]


def build_pack(exporters: list[ExporterFiles], options: PackOptions) -> Pack:
    """Return the pack of the exporters' usable files. One query, and no request to GitHub."""
    builder = _Builder(Pack(exporters, options))
    for part in exporters:
        builder.add(part)
    pack = builder.pack
    # A file that was not read may be of every kind.
    pack.left_out = list(dict.fromkeys(pack.left_out))
    return pack


@dataclass(frozen=True)
class _Stored:
    """A stored file."""

    data: bytes
    report: FileReport


class _Builder:
    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._names, self._originals = UniqueNames(), set[str]()
        self._add: Mapping[str, Callable[[ExporterFiles, ContentFile, _Stored], None]] = {
            "A": self._add_rules,
            "G": self._add_dashboards,
            "I": self._add_iac,
        }
        self._stored = _load(pack.exporters)

    def add(self, part: ExporterFiles) -> None:
        """Add the usable files of an exporter, and name all other files with content."""
        self.pack.left_out += [LeftOut(name, _UNREAD) for name in part.unread]
        self.pack.left_out += [LeftOut(f.path, f.reason) for f in not_read(part.directories)]
        for file in part.files:
            for letter, usable in file.kinds.items():
                try:
                    if not usable:
                        raise Unsuitable(_why_not_usable(part, file, usable))
                    if letter not in self._add:
                        raise Unsuitable(f"a pack has no place for the kind {letter}")
                    self._add[letter](part, file, self._content_of(file))
                except Unsuitable as reason:
                    self._leave_out(file, str(reason))
        self._add_monitors(part)

    def _content_of(self, file: ContentFile) -> _Stored:
        if stored := self._stored.get(file.sha):
            return stored
        limit = f"{_MAX_FILES_SIZE // 1024 // 1024} MB"
        raise Unsuitable(f"the files of a pack have at most {limit}, or the hub has no copy")

    def _leave_out(self, file: ContentFile, reason: str) -> None:
        self.pack.left_out.append(LeftOut(file.whole_path, reason))

    def _add_rules(self, part: ExporterFiles, file: ContentFile, stored: _Stored) -> None:
        _refuse_template(part, file)
        name = self._names.of_file(part.exporter.slug, file.path)
        groups = rule_groups(stored.data, stored.report, name)
        data = as_rule_file(groups)
        if stored.report.alerts_form != AlertsForm.GROUPS:
            # The judgement of a fragment or of another tool's resource does not cover all rules.
            check_rule_file(data)
        self._add_resource(name, "PrometheusRule", file, {"spec": {"groups": groups}})
        self.pack.files.append(PackFile(f"rules/{name}.yaml", data, file))

    def _add_dashboards(self, part: ExporterFiles, file: ContentFile, stored: _Stored) -> None:
        _refuse_template(part, file)
        for text in list(dashboards(stored.data, stored.report, self.pack.options.datasource)):
            name = self._names.of_file(part.exporter.slug, file.path)
            self.pack.files.append(PackFile(f"dashboards/{name}.json", text.encode(), file))
            text = text if len(json.dumps(text)) < _APPLY_LIMIT else compact(text)
            if len(text.encode()) > MAX_SIZE - len(name) - len(".json"):
                reason = "a dashboard larger than 1 MB, the limit of a ConfigMap: only in the zip"
                self._leave_out(file, reason)
                continue
            data = {"data": {f"{name}.json": text}}
            self._add_resource(name, "ConfigMap", file, data, _SIDECAR_LABEL)

    def _add_iac(self, part: ExporterFiles, file: ContentFile, stored: _Stored) -> None:
        if file.is_chart:
            self._add_chart(part, file, stored)
            return
        self._add_original(file, stored)

    def _add_chart(self, part: ExporterFiles, file: ContentFile, stored: _Stored) -> None:
        """Add the whole chart if the hub has all its files, otherwise its values."""
        folder = file.whole_path.removesuffix(file.name)
        members = [each for each in part.files if each.whole_path.startswith(folder)]
        is_complete = all(each.sha in self._stored for each in members)
        if not are_safe([each.whole_path for each in members]):
            raise Unsuitable("a chart with names of files that not every system can store")
        values = next((each for each in members if each.whole_path == f"{folder}values.yaml"), None)
        for each in members if is_complete else filter(None, [values]):
            if content := self._stored.get(each.sha):
                self._add_original(each, content)
        if not is_complete:
            self._leave_out(file, _INCOMPLETE_CHART)
        stored_values = self._stored.get(values.sha) if values else None
        monitor = monitor_of_chart(stored.data, stored_values.data if stored_values else b"")
        self._add_monitor(part, file, monitor)

    def _add_original(self, file: ContentFile, stored: _Stored) -> None:
        path = f"files/{file.whole_path}"
        if path in self._originals:
            return  # a chart inside another one
        if not (are_safe([path]) and self._names.take(path)):
            raise Unsuitable("not every system can store a file of this name beside the others")
        self._originals.add(path)
        self.pack.files.append(PackFile(path, stored.data, file))

    def _add_monitors(self, part: ExporterFiles) -> None:
        """Add the monitors of the manifests outside charts."""
        manifests = [
            (file, stored.data)
            for file in part.files
            if file.kinds.get("I") and (stored := self._stored.get(file.sha))
            if stored.report.manifests
        ]
        try:
            for file, monitor in monitors_of_manifests(manifests):
                self._add_monitor(part, file, monitor)
        except Unsuitable as reason:
            self._leave_out(manifests[0][0], str(reason))

    def _add_monitor(self, part: ExporterFiles, file: ContentFile, monitor: Monitor) -> None:
        name = self._names.of_file(part.exporter.slug, "metrics")
        self._add_resource(name, monitor.kind, file, {"spec": dict(monitor.spec)})

    def _add_resource(
        self,
        name: str,
        kind: str,
        origin: ContentFile,
        body: dict[str, Any],
        labels: Mapping[str, str] | None = None,
    ) -> None:
        options = self.pack.options
        all_labels = {**(labels or {}), **options.labels}
        document: dict[str, Any] = {
            "apiVersion": "v1" if kind == "ConfigMap" else "monitoring.coreos.com/v1",
            "kind": kind,
            "metadata": {
                "name": name,
                **({"namespace": options.namespace} if options.namespace else {}),
                **({"labels": all_labels} if all_labels else {}),
            },
            **body,
        }
        path = f"kubernetes/{name}.yaml"
        self.pack.resources.append(PackResource(path, document, origin))


def _load(exporters: list[ExporterFiles]) -> dict[str, _Stored]:
    """Load the files that may go in by SHA, up to the limit of a pack."""
    left, shas = _MAX_FILES_SIZE, set[str]()
    for part in exporters:
        charts = _chart_folders(part)
        for file in part.files:
            wanted = any(file.kinds.values()) or file.whole_path.startswith(charts)
            if wanted and file.sha not in shas and file.size <= left:
                left -= file.size
                shas.add(file.sha)
    blobs = ContentBlob.objects.filter(pk__in=shas).values_list("sha", "data", "report")
    stored = {
        sha: _Stored(bytes(data), FileReport.from_json(report)) for sha, data, report in blobs
    }
    # Empty files are not stored.
    empty = {file.sha for part in exporters for file in part.files if not file.size}
    return stored | dict.fromkeys(empty, _Stored(b"", FileReport("empty")))


def _chart_folders(part: ExporterFiles) -> tuple[str, ...]:
    """Return the folders of the usable charts, each with a slash at its end."""
    return tuple(
        file.whole_path.removesuffix(file.name)
        for file in part.files
        if file.kinds.get("I") and file.is_chart
    )


def _refuse_template(part: ExporterFiles, file: ContentFile) -> None:
    """Raise `Unsuitable` for a file that a chart installs."""
    if file.whole_path.startswith(tuple(f"{each}templates/" for each in _chart_folders(part))):
        raise Unsuitable("Helm installs it with its chart")


def _why_not_usable(part: ExporterFiles, file: ContentFile, usable: bool | None) -> str:
    """Return why that is not known, or the first error about the file or a folder beside it."""
    if usable is None and not file.unread:
        return _RENDERED
    if usable is None:
        return file.findings[0].reason if file.findings else _UNREAD
    folders = (f for name, f in findings_of_folders(part.directories) if name == file.directory)
    errors = (f for f in (*file.findings, *folders) if f.level == Level.ERROR)
    finding = next(errors, None)
    return f"not usable: {finding.reason}" if finding else "not usable"
