"""From a directory's files to the kinds of content it holds, and whether they work. Pure.

Contents decide; names speak only for files that could not be read, and tell what a broken file was
meant as. The repository's own naming was never consistent: flat `NAME_alert.yaml`, versioned
`nc/v1.2.3/…`, charts under `helm-chart/`, `helm/` or another name, `_dashboard`, `_dasboard`,
`-Dashboard`, `_grafana`, `_alert`, `_alerts`, `alert-rules`.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from hub.content.rules.parsing import LARGEST_FILE
from hub.content.rules.report import About, AlertsForm, FileReport, Finding, Level

# Raise it with every change of the rules, those of `hub.content.rules` included: directories that
# older ones judged are judged again, from what Postgres holds, without asking GitHub.
RULES_VERSION = 2

KINDS = ("I", "A", "G")

_YAML = {".yaml", ".yml"}
_STRUCTURED = {*_YAML, ".json", ".rules", ".rule", ".txt", ""}
_LOOSE = {".txt", ""}  # may as well be prose
_PROSE = {".md", ".markdown", ".rst", ".csv"}  # kept for reading, never judged
_PROSE_WORDS = {"readme", "md", "markdown", "changelog", "notes"}
_DASHBOARD_WORDS = ("dashboard", "dashboards", "grafana")
_ALERT_WORDS = ("alert", "alerts", "alerting", "rule", "rules", "prometheusrule")
_RECORDING_WORDS = ("recording", "record")
_IAC_WORDS = (
    *("helm", "chart", "values", "kubernetes", "k8s", "manifest", "manifests"),
    *("deployment", "daemonset", "statefulset", "kustomization", "helmfile"),
)
# Top-level keys of charts' values, as `helm create` and the charts of the community have them.
_VALUES_KEYS = {
    "affinity",
    "autoscaling",
    "extraArgs",
    "fullnameOverride",
    "image",
    "imagePullSecrets",
    "ingress",
    "nameOverride",
    "nodeSelector",
    "persistence",
    "podAnnotations",
    "podLabels",
    "podSecurityContext",
    "prometheusRule",
    "rbac",
    "replicaCount",
    "resources",
    "securityContext",
    "service",
    "serviceAccount",
    "serviceMonitor",
    "tolerations",
}
_FEWEST_VALUES_KEYS = 3
# What a misspelt word exceeds: "dasboard" to "dashboard" is 0.94, "vaules" to "values" 0.83, but
# "roles" to "rules" 0.8.
_ALIKE = 0.8
_SHORTEST_MISSPELT = 5  # letters; shorter words are alike by chance
_MOST_FINDINGS = 300


@dataclass(frozen=True)
class FileFinding(Finding):
    """A finding with the file, or folder, that it was made in."""

    path: str = ""


@dataclass(frozen=True)
class Judgement:
    """What a directory holds. `files` maps each file that speaks for a kind to those kinds.

    The kinds' values say whether it would work: True, False, or None for a file that was not read.
    """

    files: Mapping[str, Mapping[str, bool | None]] = field(default_factory=dict)
    findings: tuple[FileFinding, ...] = ()

    def evidence(self) -> dict[str, list[str]]:
        """The files by the letters that the map uses, sorted."""
        return {
            kind: sorted(p for p, kinds in self.files.items() if kind in kinds) for kind in KINDS
        }

    def there(self, kind: str) -> bool:
        """Whether the directory holds content of a kind."""
        return any(kind in kinds for kinds in self.files.values())

    def usable(self, kind: str) -> bool | None:
        """Whether at least one file of a kind would work; None when that is not known."""
        said = {kinds[kind] for kinds in self.files.values() if kind in kinds}
        if True in said:
            return True
        return None if None in said else False

    def kinds(self) -> dict[str, bool | None]:
        """The kinds that are present, each with whether it is usable."""
        return {kind: self.usable(kind) for kind in KINDS if self.there(kind)}

    def as_json(self) -> dict[str, Any]:
        """The judgement as JSON-ready values."""
        return {
            "files": {path: dict(kinds) for path, kinds in self.files.items()},
            "findings": [dict(vars(finding)) for finding in self.findings],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Judgement":
        """The judgement that `as_json` wrote."""
        return cls(data["files"], tuple(FileFinding(**finding) for finding in data["findings"]))


@dataclass(frozen=True)
class _File:
    """A file, its path taken apart once."""

    path: str
    folders: tuple[str, ...]
    name: str  # casefolded, as `suffix` and `words`
    suffix: str
    words: frozenset[str]
    report: FileReport | None

    @property
    def parsed(self) -> bool:
        """Whether it was read and could be taken apart."""
        return self.report is not None and not (
            self.report.has_errors(About.FILE) or self.report.format in ("template", "empty")
        )


def worth_reading(path: str, size: int) -> bool:
    """Whether a file's contents can say anything: text of a known form that is not too large."""
    file = _take_apart(path)
    if size > LARGEST_FILE:
        return False
    if _in_templates(file):
        return file.suffix in _YAML and (
            _names(file, _ALERT_WORDS) or _names(file, _DASHBOARD_WORDS)
        )
    return _is_structured(file) or file.suffix in _PROSE


def reading_order(path: str) -> tuple[bool, int, str]:
    """A sort key: what is judged before what is only kept for reading, the top before the depth."""
    file = _take_apart(path)
    return file.suffix in _PROSE, len(file.folders), path


def judge_directory(reports: Mapping[str, FileReport | None]) -> Judgement:
    """What a directory holds.

    `reports` maps the path of every file, relative to the directory, to what was found in it; None
    for one that was not read.
    """
    files = [_take_apart(path, report) for path, report in sorted(reports.items())]
    charts = _Charts(files)
    held: dict[str, dict[str, bool | None]] = {}
    findings: list[FileFinding] = []
    for chart in charts.all:
        held.setdefault(chart.speaks, {})["I"] = chart.usable
        findings += chart.findings
    for file in files:
        if charts.is_dependency(file) or not _is_structured(file):
            continue
        kinds = dict(_kinds_of(file, charts))
        if kinds:
            held.setdefault(file.path, {}).update(kinds)
        findings += _findings_of(file, held.get(file.path, {}), charts)
    findings.sort(key=lambda finding: (finding.path, finding.line, finding.level))
    return Judgement(dict(sorted(held.items())), tuple(findings[:_MOST_FINDINGS]))


class _Chart:
    """A folder that is, or was meant to be, a Helm chart."""

    def __init__(self, folder: tuple[str, ...], inside: list[_File]) -> None:
        own = [file for file in inside if file.folders == folder]
        self.folder = folder
        self.findings: list[FileFinding] = []
        metadata = next((file for file in own if _is_chart_file(file)), None)
        values = next((file for file in own if file.name == "values.yaml"), None)
        self.speaks = (metadata or values or inside[0]).path
        self.unread = metadata is not None and metadata.report is None
        if metadata is None:
            self._refuse(
                "/".join(folder) or ".", "a chart without a Chart.yaml, which Helm requires"
            )
        else:
            self._check_metadata(metadata)
        if values and values.report and values.report.has_errors(About.FILE):
            self._refuse(values.path, "the chart's values cannot be read")
        self._check_templates(inside, metadata)

    @property
    def usable(self) -> bool | None:
        """Whether Helm would install it; None when its Chart.yaml was not read."""
        if any(finding.level == Level.ERROR for finding in self.findings):
            return False
        return None if self.unread else True

    def _refuse(self, path: str, reason: str, line: int = 1) -> None:
        self.findings.append(FileFinding(Level.ERROR, About.CHART, line, reason, path))

    def _check_metadata(self, metadata: _File) -> None:
        path = metadata.path
        if not path.endswith("Chart.yaml"):
            self._refuse(path, "Helm reads only a file named Chart.yaml: rename this one")
        report = metadata.report
        if report is None:
            return
        if report.has_errors(About.FILE):
            self._refuse(path, "the Chart.yaml cannot be read")
        elif report.chart is None:
            self._refuse(path, "the Chart.yaml holds no chart: `name` and `version` are missing")
        else:
            self.findings += [_at(path, finding) for finding in report.chart.findings]

    def _check_templates(self, inside: list[_File], metadata: _File | None) -> None:
        depth = len(self.folder)
        below = {file.folders[depth] for file in inside if len(file.folders) > depth}
        if below & {"templates", "crds"}:
            return
        chart = metadata.report.chart if metadata and metadata.report else None
        misnamed = sorted(name for name in below if _is_templates(name))
        if misnamed:
            path = "/".join((*self.folder, misnamed[0]))
            self._refuse(path, "Helm renders only a folder named `templates`: rename this one")
        elif not (chart and (chart.type == "library" or chart.dependencies)) and not (
            "charts" in below or any(file.name == "requirements.yaml" for file in inside)
        ):
            path = "/".join(self.folder) or "."
            self._refuse(path, "a chart without `templates`: Helm would install nothing")


class _Charts:
    """The charts of a directory, by their folders."""

    def __init__(self, files: list[_File]) -> None:
        folders = {file.folders for file in files if _is_chart_file(file)}
        folders |= {
            file.folders[:depth]
            for file in files
            for depth, folder in enumerate(file.folders)
            if _is_templates(folder) and _may_be_template(file)
        }
        # A chart's dependencies lie in its `charts` folder: other people's, and no content here.
        inside: dict[tuple[str, ...], list[_File]] = {
            folder: []
            for folder in sorted(folders)
            if not _is_dependency(folder, folders) and not _has_templates_above(folder)
        }
        for file in files:
            for folder in _above(file.folders):
                if folder in inside:
                    inside[folder].append(file)
        self.all = [_Chart(folder, each) for folder, each in inside.items()]
        self._by_folder = {chart.folder: chart for chart in self.all}

    def of(self, file: _File) -> _Chart | None:
        """The chart that the file lies in."""
        return next(
            (c for c in map(self._by_folder.get, _above(file.folders)) if c is not None), None
        )

    def is_dependency(self, file: _File) -> bool:
        """Whether it belongs to a chart that one of these charts depends on."""
        return _is_dependency(file.folders, self._by_folder)


def _above(folders: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The folder and those that it lies in, the topmost first."""
    return (folders[:depth] for depth in range(len(folders) + 1))


def _is_dependency(folders: tuple[str, ...], charts: Collection[tuple[str, ...]]) -> bool:
    return any(part == "charts" and folders[:depth] in charts for depth, part in enumerate(folders))


def _may_be_template(file: _File) -> bool:
    """Whether a file in a `templates` folder speaks for a chart; rules that stand there do not."""
    report = file.report
    return file.suffix in _YAML and (
        report is None or not file.parsed or bool(report.manifests) or report.helm_actions
    )


def _has_templates_above(folders: tuple[str, ...]) -> bool:
    return any(_is_templates(folder) for folder in folders)


def _kinds_of(file: _File, charts: _Charts) -> Iterator[tuple[str, bool | None]]:
    """The kinds that one file speaks for, each with whether it would work."""
    chart = charts.of(file)
    if chart is None and _is_iac(file):
        yield "I", _iac_works(file)
    if _is_alerts(file, chart):
        yield "A", _alerts_work(file, chart)
    if _is_dashboard(file, chart):
        report = file.report
        yield "G", None if report is None else _dashboard_works(report)


def _seems(file: _File, about: About, words: Iterable[str]) -> bool:
    """Whether a file that cannot be taken apart was meant as this; prose only quotes it."""
    report = file.report
    if report is None or file.parsed or about not in report.looks_like:
        return False
    quotes = file.suffix in _LOOSE or not file.words.isdisjoint(_PROSE_WORDS)
    return not quotes or _names(file, words)


def _is_iac(file: _File) -> bool:
    """A manifest, or values: by what it holds, or a broken one by what it was meant as."""
    report = file.report
    named = _names(file, _IAC_WORDS) and not _names(file, _ALERT_WORDS + _DASHBOARD_WORDS)
    if report is None:
        return named and file.suffix in _YAML
    if report.manifests or _seems(file, About.MANIFEST, _IAC_WORDS):
        return True
    if report.dashboards or report.format == "empty":
        return False
    known = len(_VALUES_KEYS.intersection(report.values)) >= _FEWEST_VALUES_KEYS
    if report.alerts:
        return known and report.alerts_form == AlertsForm.NESTED
    if known or (named and report.values and report.format == "yaml"):
        return True
    broken = report.has_errors(About.FILE) and not report.looks_like
    return named and file.suffix in _YAML and (broken or About.CHART in report.looks_like)


def _iac_works(file: _File) -> bool | None:
    report = file.report
    if report is None:
        return None
    # Helm renders no values; what is in them is for the templates of the chart to render.
    deploys = bool(report.values) or (bool(report.manifests) and not report.helm_actions)
    return deploys and file.parsed and not report.has_errors(About.MANIFEST)


def _is_alerts(file: _File, chart: _Chart | None) -> bool:
    """A file with alerting rules in it; no chart's values, no template that spells none out."""
    report = file.report
    if report is None:
        named = _names(file, _ALERT_WORDS) and not _names(file, _RECORDING_WORDS + _DASHBOARD_WORDS)
        return named and file.suffix in _YAML and not _is_template(file, chart)
    if report.alerts:
        return not (chart and report.alerts_form == AlertsForm.NESTED)
    meant = _seems(file, About.ALERTS, _ALERT_WORDS)
    return meant and not _is_template(file, chart) and not (chart and "values" in file.words)


def _alerts_work(file: _File, chart: _Chart | None) -> bool | None:
    report = file.report
    if report is None:
        return None
    if report.alerts_form == AlertsForm.TEMPLATE or _is_template(file, chart):
        rendered = chart is not None and chart.usable is True and _in_templates(file)
        return rendered and bool(report.alerts) and not report.has_errors(About.ALERTS)
    # One rule that Prometheus cannot read makes it refuse the whole file.
    return bool(report.alerts) and not report.has_errors(About.FILE, About.ALERTS)


def _is_dashboard(file: _File, chart: _Chart | None) -> bool:
    """A file with a dashboard in it, or a broken one that was meant as such."""
    report = file.report
    if report is not None:
        return bool(report.dashboards) or (
            _seems(file, About.DASHBOARD, _DASHBOARD_WORDS) and not _is_template(file, chart)
        )
    if file.suffix != ".json" or _is_template(file, chart):
        return False
    # Charts ship dashboards in their root, with no telling name; the one other JSON file that Helm
    # knows there is the values' schema.
    in_root = chart is not None and chart.folder == file.folders
    return _names(file, _DASHBOARD_WORDS) or (in_root and file.name != "values.schema.json")


def _dashboard_works(report: FileReport) -> bool:
    return not report.has_errors(About.FILE, About.DASHBOARD) and report.format != "template"


def _findings_of(
    file: _File, kinds: Mapping[str, bool | None], charts: _Charts
) -> Iterator[FileFinding]:
    """What there is to say of one file, beside what its chart says."""
    report = file.report
    if report is None:
        if kinds:
            reason = "not read: too large, or one of too many; judged by its name alone"
            yield FileFinding(Level.WARNING, About.FILE, 1, reason, file.path)
        return
    for finding in report.findings:
        if kinds or (finding.level == Level.ERROR and file.suffix in _YAML | {".json"}):
            yield _at(file.path, finding)
    if kinds.get("I") is False and report.helm_actions and charts.of(file) is None:
        reason = "a Helm template outside of a chart: neither Helm nor kubectl takes it as it is"
        yield FileFinding(Level.ERROR, About.MANIFEST, 1, reason, file.path)
    elif kinds.get("I") is False and not (report.manifests or report.values) and file.parsed:
        reason = "commands instead of a chart, values or a manifest"
        yield FileFinding(Level.ERROR, About.MANIFEST, 1, reason, file.path)
    if kinds.get("A") is False and report.format == "template" and not _in_templates(file):
        reason = "rules with Helm's actions in them: Prometheus cannot load them as they are"
        yield FileFinding(Level.ERROR, About.ALERTS, 1, reason, file.path)
    yield from _near_misses(file, kinds, charts)


def _near_misses(
    file: _File, kinds: Mapping[str, bool | None], charts: _Charts
) -> Iterator[FileFinding]:
    """A name that promises what the contents do not keep."""
    if file.report is None or charts.of(file) is not None or kinds:
        return
    if (
        file.suffix in _YAML
        and _names(file, _ALERT_WORDS)
        and not _names(file, _RECORDING_WORDS + _DASHBOARD_WORDS)
    ):
        reason = "named like alerting rules, but no alert is in it"
        yield FileFinding(Level.WARNING, About.ALERTS, 1, reason, file.path)
    elif file.suffix == ".json" and _names(file, _DASHBOARD_WORDS):
        reason = "named like a dashboard, but no dashboard is in it"
        yield FileFinding(Level.WARNING, About.DASHBOARD, 1, reason, file.path)


def _at(path: str, finding: Finding) -> FileFinding:
    return FileFinding(**vars(finding), path=path)


def _take_apart(path: str, report: FileReport | None = None) -> _File:
    whole = PurePosixPath(path)
    lower = PurePosixPath(path.casefold())
    words = frozenset(re.findall(r"[^\W_]+", lower.stem))
    return _File(path, whole.parts[:-1], lower.name, _suffix(lower.suffix), words, report)


def _suffix(suffix: str) -> str:
    """The suffix, or the one that it misspells: contents do not change with it."""
    if suffix in _STRUCTURED:
        return suffix
    return next((k for k in (".yaml", ".json") if _alike(suffix[1:], k[1:], shortest=3)), suffix)


def _is_structured(file: _File) -> bool:
    """Whether its form can hold rules, dashboards or manifests."""
    return file.suffix in _STRUCTURED


def _is_chart_file(file: _File) -> bool:
    return file.name in ("chart.yaml", "chart.yml", "charts.yaml") and not _in_templates(file)


def _in_templates(file: _File) -> bool:
    """Below a chart's templates: what it holds depends on values that nobody has given."""
    return _has_templates_above(file.folders)


def _is_template(file: _File, chart: _Chart | None) -> bool:
    return chart is not None and _in_templates(file)


def _is_templates(folder: str) -> bool:
    """A chart's own folder of templates; `template` is a misspelling that is out there."""
    return _alike(folder.casefold(), "templates")


def _names(file: _File, wanted: Iterable[str]) -> bool:
    """Whether a word of the file's name is one of `wanted`, or a misspelling of one."""
    return any(_alike(word, target) for word in file.words for target in wanted)


@lru_cache(maxsize=10_000)
def _alike(word: str, target: str, *, shortest: int = _SHORTEST_MISSPELT) -> bool:
    if word == target:
        return True
    if min(len(word), len(target)) < shortest or word[0] != target[0]:
        return False
    if len(word) > 2 * len(target):
        return False
    if sorted(word) == sorted(target):
        return True
    return SequenceMatcher(None, word, target, autojunk=False).ratio() > _ALIKE
