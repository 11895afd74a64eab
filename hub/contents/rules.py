"""From a directory's file paths to the kinds of content it holds. Pure.

The rules are those of the repository's own naming, which was never consistent: flat
`NAME_alert.yaml`, versioned `nc/v1.2.3/…`, charts under `helm-chart/`, `helm/` or another name,
`_dashboard`, `_dasboard`, `-Dashboard`, `_grafana`, `_alert`, `_alerts`, `alert-rules`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import PurePosixPath

# Raise it with every change of the rules: directories judged by older ones are judged again,
# from what Postgres holds, without asking GitHub.
RULES_VERSION = 1

_YAML = {".yaml", ".yml"}
_DASHBOARD_WORDS = ("dashboard", "dashboards", "grafana")
_ALERT_WORDS = ("alert", "alerts", "alerting", "rules")
_RECORDING_WORDS = ("recording", "record")
_IAC_WORDS = ("helm", "values", "kubernetes", "k8s", "manifest", "manifests", "deployment")
# A chart's own folder of templates; "template" is a misspelling that is out there.
_TEMPLATE_FOLDERS = {"templates", "template"}
# How alike a misspelt word must be: "dasboard" to "dashboard" is 0.94, "vaules" to "values" 0.83.
_ALIKE = 0.8
_SHORTEST_MISSPELT = 5  # letters; shorter words are alike by chance


@dataclass(frozen=True)
class Kinds:
    """What a directory holds, and the files that speak for it, sorted."""

    iac: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    dashboard: tuple[str, ...] = ()

    def evidence(self) -> dict[str, list[str]]:
        """The files by the letters that the map uses."""
        return {"I": list(self.iac), "A": list(self.alerts), "G": list(self.dashboard)}


@dataclass(frozen=True)
class _File:
    """A path, taken apart once."""

    path: str
    folders: tuple[str, ...]
    name: str
    suffix: str
    words: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_template(self) -> bool:
        """Below a chart's templates: what it holds depends on values that nobody has given."""
        return bool(_TEMPLATE_FOLDERS.intersection(self.folders))


def kinds_of(paths: Iterable[str]) -> Kinds:
    """The kinds of content among `paths`, which are relative to the exporter's directory."""
    files = [_take_apart(path) for path in sorted(paths)]
    charts = {file.folders for file in files if file.name == "chart.yaml"}
    return Kinds(
        iac=_paths(files, _is_iac),
        alerts=_paths(files, _is_alert),
        dashboard=_paths(files, lambda file: _is_dashboard(file, charts)),
    )


def _paths(files: Iterable[_File], rule: Callable[[_File], bool]) -> tuple[str, ...]:
    return tuple(file.path for file in files if rule(file))


def _is_iac(file: _File) -> bool:
    """A Chart.yaml, or a single values file or manifest named after Helm or Kubernetes."""
    if file.suffix not in _YAML or file.is_template:
        return False
    named = _names(file, _IAC_WORDS) and not _names(file, _ALERT_WORDS + _DASHBOARD_WORDS)
    return named or file.name == "chart.yaml"


def _is_alert(file: _File) -> bool:
    """A YAML file named after alerts or rules, outside a chart's templates."""
    if file.suffix not in _YAML or file.is_template:
        return False
    return _names(file, _ALERT_WORDS) and not _names(file, _RECORDING_WORDS + _DASHBOARD_WORDS)


def _is_dashboard(file: _File, charts: set[tuple[str, ...]]) -> bool:
    """A JSON file named after dashboards, or lying beside a Chart.yaml.

    Charts ship their dashboards in the chart's root with no telling name; the one other JSON file
    that Helm knows there is the values' schema.
    """
    if file.suffix != ".json" or file.is_template:
        return False
    beside_chart = file.folders in charts and file.name != "values.schema.json"
    return beside_chart or _names(file, _DASHBOARD_WORDS)


def _take_apart(path: str) -> _File:
    lower = PurePosixPath(path.casefold())
    words = frozenset(re.findall(r"[^\W_]+", lower.stem))
    return _File(path, lower.parts[:-1], lower.name, lower.suffix, words)


def _names(file: _File, wanted: Iterable[str]) -> bool:
    """Whether a word of the file's name is one of `wanted`, or a misspelling of one."""
    return any(_alike(word, target) for word in file.words for target in wanted)


def _alike(word: str, target: str) -> bool:
    if word == target:
        return True
    if min(len(word), len(target)) < _SHORTEST_MISSPELT or word[0] != target[0]:
        return False
    return SequenceMatcher(None, word, target, autojunk=False).ratio() >= _ALIKE
