"""Judge a directory: which kinds of content are present, and whether they are usable. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hub.content.kinds import KINDS, LETTERS, any_known
from hub.content.rules.charts import ChartFolders
from hub.content.rules.files import ALERT_WORDS, DASHBOARD_WORDS, PROSE, YAML, DirectoryFile
from hub.content.rules.judges import Verdict
from hub.content.rules.parsing import MAX_FILE_SIZE
from hub.content.rules.report import About, FileReport, Finding, Level

# Increase it with every change to `hub.content.rules`: directories that were judged by an older
# version are judged again from the files in Postgres, without requests to GitHub.
RULES_VERSION = 5

_MAX_FINDINGS = 300


@dataclass(frozen=True)
class Judgement:
    """The kinds of content and the findings of a directory."""

    # path → letter of the kind → usable (None: the file was not read)
    files: Mapping[str, Mapping[str, bool | None]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def evidence(self) -> dict[str, list[str]]:
        """Return letter of the kind → sorted paths of its files."""
        return {
            letter: sorted(path for path, kinds in self.files.items() if letter in kinds)
            for letter in LETTERS
        }

    def present(self, kind: str) -> bool:
        """Whether the directory contains a file of the kind."""
        return any(kind in kinds for kinds in self.files.values())

    def usable(self, kind: str) -> bool | None:
        """Whether at least one file of the kind is usable; None if that is not known."""
        values = (kinds[kind] for kinds in self.files.values() if kind in kinds)
        return any_known(values, known=True)

    def kinds(self) -> dict[str, bool | None]:
        """Return letter → usable for the kinds that are present."""
        return {letter: self.usable(letter) for letter in LETTERS if self.present(letter)}

    def as_json(self) -> dict[str, Any]:
        """Return the judgement as JSON-ready values."""
        return {
            "files": {path: dict(kinds) for path, kinds in self.files.items()},
            "findings": [dict(vars(finding)) for finding in self.findings],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> "Judgement":
        """Return the judgement that `as_json` wrote; an empty one for None."""
        if data is None:
            return cls()
        return cls(data["files"], tuple(Finding(**finding) for finding in data["findings"]))


def worth_reading(path: str, size: int) -> bool:
    """Whether to fetch a file: it has a known text format and is not too large."""
    file = DirectoryFile.at(path)
    if size > MAX_FILE_SIZE:
        return False
    if file.in_templates:
        return file.suffix in YAML and file.named(ALERT_WORDS + DASHBOARD_WORDS)
    return file.structured or file.suffix in PROSE


def reading_order(path: str) -> tuple[bool, int, str]:
    """Return a sort key: judged files before documentation, then files near the root first."""
    file = DirectoryFile.at(path)
    return file.suffix in PROSE, len(file.folders), path


def judge_directory(reports: Mapping[str, FileReport | None]) -> Judgement:
    """Judge a directory. `reports`: path of each file → report, or None if it was not read."""
    files = [DirectoryFile.at(path, report) for path, report in sorted(reports.items())]
    charts = ChartFolders(files)
    kinds_by_path: dict[str, dict[str, bool | None]] = {}
    findings = [finding for chart in charts.all for finding in chart.findings]
    for file in files:
        chart = charts.of(file)
        ignored = charts.is_dependency(file) or not file.structured
        judged = file.blank() if ignored else file  # it may still be the main file of a chart
        verdicts = {kind.letter: kind.judge(judged, chart) for kind in KINDS}
        kinds = {letter: each.usable for letter, each in verdicts.items() if each.present}
        if kinds:
            kinds_by_path[file.path] = kinds
        if not ignored:
            findings += _findings_of(file, verdicts.values())
    findings.sort(key=lambda finding: (finding.path, finding.line, finding.level))
    return Judgement(kinds_by_path, tuple(findings[:_MAX_FINDINGS]))


def _findings_of(file: DirectoryFile, verdicts: Collection[Verdict]) -> Iterator[Finding]:
    """Yield the findings about one file, without those of its chart."""
    present = any(verdict.present for verdict in verdicts)
    if file.report is None:
        if present:
            reason = "not read (too large, or too many files): judged only by its name"
            yield Finding(Level.WARNING, About.FILE, 1, reason, file.path)
        return
    for finding in file.report.findings:
        if present or (finding.level == Level.ERROR and file.suffix in YAML | {".json"}):
            yield replace(finding, path=file.path)
    for verdict in verdicts:
        # A misleading name is reported only for files without content of any kind.
        if verdict.finding and verdict.present == present:
            yield replace(verdict.finding, path=file.path)
