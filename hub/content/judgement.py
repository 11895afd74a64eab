"""From a directory's files to the kinds of content it holds, and whether they are usable. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.content.kinds import KINDS, LETTERS, any_known
from hub.content.rules.charts import ChartFolders
from hub.content.rules.files import ALERT_WORDS, DASHBOARD_WORDS, PROSE, YAML, DirectoryFile
from hub.content.rules.judges import Verdict
from hub.content.rules.parsing import LARGEST_FILE
from hub.content.rules.report import About, FileReport, Finding, Level

# Raise it with every change of the rules, those of all of `hub.content.rules`: directories that
# older ones judged are judged again, from what Postgres holds, without asking GitHub.
RULES_VERSION = 3

_MOST_FINDINGS = 300


@dataclass(frozen=True)
class Judgement:
    """What a directory holds."""

    # path → the kinds that it speaks for → whether it is usable: None while it was not read
    files: Mapping[str, Mapping[str, bool | None]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def evidence(self) -> dict[str, list[str]]:
        """The files by the letters of the kinds, sorted."""
        return {
            letter: sorted(path for path, kinds in self.files.items() if letter in kinds)
            for letter in LETTERS
        }

    def present(self, kind: str) -> bool:
        """Whether the directory holds content of a kind."""
        return any(kind in kinds for kinds in self.files.values())

    def usable(self, kind: str) -> bool | None:
        """Whether at least one file of a kind is usable; None when that is not known."""
        said = (kinds[kind] for kinds in self.files.values() if kind in kinds)
        return any_known(said, known=True)

    def kinds(self) -> dict[str, bool | None]:
        """The kinds that are present, each with whether it is usable."""
        return {letter: self.usable(letter) for letter in LETTERS if self.present(letter)}

    def as_json(self) -> dict[str, Any]:
        """The judgement as JSON-ready values."""
        return {
            "files": {path: dict(kinds) for path, kinds in self.files.items()},
            "findings": [dict(vars(finding)) for finding in self.findings],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> "Judgement":
        """The judgement that `as_json` wrote; an empty one for None."""
        if data is None:
            return cls()
        return cls(data["files"], tuple(Finding(**finding) for finding in data["findings"]))


def worth_reading(path: str, size: int) -> bool:
    """Whether a file's contents can say anything: text of a known form that is not too large."""
    file = DirectoryFile.at(path)
    if size > LARGEST_FILE:
        return False
    if file.in_templates:
        return file.suffix in YAML and file.named(ALERT_WORDS + DASHBOARD_WORDS)
    return file.structured or file.suffix in PROSE


def reading_order(path: str) -> tuple[bool, int, str]:
    """A sort key: what is judged before what is only kept for reading, the top before the depth."""
    file = DirectoryFile.at(path)
    return file.suffix in PROSE, len(file.folders), path


def judge_directory(reports: Mapping[str, FileReport | None]) -> Judgement:
    """What a directory holds. `reports`: every file's path, with None for one that was not read."""
    files = [DirectoryFile.at(path, report) for path, report in sorted(reports.items())]
    charts = ChartFolders(files)
    held: dict[str, dict[str, bool | None]] = {}
    findings = [finding for chart in charts.all for finding in chart.findings]
    for file in files:
        chart = charts.of(file)
        ignored = charts.is_dependency(file) or not file.structured
        judged = file.blank() if ignored else file  # it may still be the head of a chart
        verdicts = {kind.letter: kind.judge(judged, chart) for kind in KINDS}
        kinds = {letter: said.usable for letter, said in verdicts.items() if said.present}
        if kinds:
            held[file.path] = kinds
        if not ignored:
            findings += _findings_of(file, verdicts.values())
    findings.sort(key=lambda finding: (finding.path, finding.line, finding.level))
    return Judgement(held, tuple(findings[:_MOST_FINDINGS]))


def _findings_of(file: DirectoryFile, verdicts: Collection[Verdict]) -> Iterator[Finding]:
    """What there is to say of one file, beside what its chart says."""
    present = any(verdict.present for verdict in verdicts)
    if file.report is None:
        if present:
            reason = "not read: too large, or one of too many; judged by its name alone"
            yield Finding(Level.WARNING, About.FILE, 1, reason, file.path)
        return
    for finding in file.report.findings:
        if present or (finding.level == Level.ERROR and file.suffix in YAML | {".json"}):
            yield finding.at(file.path)
    for verdict in verdicts:
        # That a name promises too much is said of files without content of any kind.
        if verdict.finding and verdict.present == present:
            yield verdict.finding.at(file.path)
