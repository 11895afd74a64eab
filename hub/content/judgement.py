"""Judge a directory: which kinds of content are present, and whether they are usable. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from hub.content.kinds import KINDS, LETTERS, any_known
from hub.content.rules.charts import ChartFolders
from hub.content.rules.files import PROSE, YAML, DirectoryFile, directory_version
from hub.content.rules.fit import Fit, fit_of, named_like_a_sample
from hub.content.rules.judge import judge
from hub.content.rules.judges import Verdict
from hub.content.rules.parsing import MAX_FILE_SIZE, too_large
from hub.content.rules.report import About, FileReport, Finding, Level

# Increase it with every change to `hub.content.rules`: directories that were judged by an older
# version are judged again from the files in Postgres, without requests to GitHub. During an upgrade
# workers of two versions alternate: the older one accepts and never replaces newer judgements.
RULES_VERSION = 11

# The most files to read in one directory; the largest real one, a chart with three subcharts, has
# 25. What the others contain is unknown, and a finding says so.
MAX_FILES = 300
_MAX_FINDINGS = 300
# Format of a report → why the content of the file is unknown.
_UNKNOWN = {
    "lfs": "not read: a pointer of Git LFS, whose content is not in the repository",
    "failed": "not checked because of an error of the hub: please report it with this file",
}


@dataclass(frozen=True)
class Judgement:
    """The kinds of content and the findings of a directory.

    `files`: path → letter of the kind → usable (None: not known). `unread`: the paths of those
    files that were not read, so that it is not known whether they contain the kinds. `counts`:
    letter → version in the path ("" for none) → number of items.
    """

    files: Mapping[str, Mapping[str, bool | None]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    unread: frozenset[str] = frozenset()
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    fit: Fit = field(default=Fit(), compare=False)  # stored in a column of its own

    def evidence(self) -> dict[str, list[str]]:
        """Return letter of the kind → sorted paths of the files that contain it."""
        read = {path: kinds for path, kinds in self.files.items() if path not in self.unread}
        return {letter: sorted(p for p in read if letter in read[p]) for letter in LETTERS}

    def present(self, kind: str) -> bool | None:
        """Whether a file contains the kind; None if only files that were not read may."""
        paths = (path for path, kinds in self.files.items() if kind in kinds)
        return any_known((None if path in self.unread else True for path in paths), known=True)

    def usable(self, kind: str) -> bool | None:
        """Whether at least one file of the kind is usable; None if that is not known."""
        values = (kinds[kind] for kinds in self.files.values() if kind in kinds)
        return any_known(values, known=True)

    def kinds(self) -> dict[str, list[bool | None]]:
        """Return letter → [present, usable], without the kinds that are absent."""
        return {
            letter: [present, self.usable(letter)]
            for letter in LETTERS
            if (present := self.present(letter)) is not False
        }

    def as_json(self) -> dict[str, Any]:
        """Return the judgement as JSON-ready values."""
        return {
            "files": {path: dict(kinds) for path, kinds in self.files.items()},
            "findings": [dict(vars(finding)) for finding in self.findings],
            "unread": sorted(self.unread),
            "counts": {letter: dict(each) for letter, each in self.counts.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> "Judgement":
        """Return the judgement that `as_json` wrote; an empty one for None."""
        if data is None:
            return cls()
        files, findings = data["files"], tuple(map(Finding.from_json, data["findings"]))
        # Before version 7 of the rules, None meant that the file was not read.
        not_read = [path for path, kinds in files.items() if None in kinds.values()]
        unread = frozenset(data.get("unread", not_read))
        return cls(files, findings, unread, data.get("counts", {}))


def worth_reading(path: str, size: int) -> bool:
    """Whether to fetch a file: it may be text and is not too large."""
    return size <= MAX_FILE_SIZE and DirectoryFile.at(path).text


def may_contain_content(path: str) -> bool:
    """Whether a file of this name may contain content, if it is not read."""
    file = DirectoryFile.at(path)
    return file.structured and not (file.is_document or named_like_a_sample(file))


def reading_order(path: str) -> tuple[bool, int, str]:
    """Return a sort key: known formats before other text, then files near the root first."""
    file = DirectoryFile.at(path)
    return not file.structured, len(file.folders), path


def blobs_to_read(files: Iterable[tuple[str, str, int]]) -> dict[str, int]:
    """Return blob SHA → size of the files to read. `files`: (path, blob SHA, size) of each file."""
    readable = [file for file in files if worth_reading(file[0], file[2])]
    readable.sort(key=lambda file: reading_order(file[0]))
    sizes = {sha: size for _, sha, size in readable if size}
    return dict(islice(sizes.items(), MAX_FILES))


def judge_files(
    files: Iterable[tuple[str, str, int]],
    reports: Mapping[str, FileReport],
    unread: Mapping[str, str],
) -> Judgement:
    """Judge a directory.

    `reports`: blob SHA → report of the files that `blobs_to_read` returns. `unread`: what else was
    not read, as for `judge_directory`.
    """
    by_path: dict[str, FileReport | None] = {}
    too_many, reasons = 0, dict(unread)
    for path, sha, size in files:
        report = reports.get(sha) if size else judge(b"")
        by_path[path] = report if worth_reading(path, size) else None
        if by_path[path] is None and path not in unread and may_contain_content(path):
            is_too_large = size > MAX_FILE_SIZE
            reasons[path] = f"not read: {too_large(size)}" if is_too_large else ""
            too_many += not is_too_large
    if too_many:
        were = "1 file was" if too_many == 1 else f"{too_many} files were"
        reasons["."] = f"{were} not read: the hub reads {MAX_FILES} files of a directory"
    return judge_directory(by_path, reasons)


def judge_directory(
    reports: Mapping[str, FileReport | None], unread: Mapping[str, str] | None = None
) -> Judgement:
    """Judge a directory.

    `reports`: path of each file → report, or None if it was not read. `unread`: path → why it was
    not read, for files and folders that may contain content; "" if another path has the reason.
    """
    unknown = {
        path: _UNKNOWN[report.format]
        for path, report in reports.items()
        if report and report.format in _UNKNOWN and may_contain_content(path)
    }
    unread = unknown | dict(unread or {})
    files = [
        DirectoryFile.at(path, None if path in unread else reports[path], unread=path in unread)
        for path in sorted(reports.keys() | unread.keys())
    ]
    charts = ChartFolders(files)
    kinds_by_path: dict[str, dict[str, bool | None]] = {}
    counts: dict[str, Counter[str]] = {}
    not_read = set[str]()
    findings = [finding for chart in charts.all for finding in chart.findings]
    for file in files:
        chart = charts.of(file)
        is_prose = file.suffix in PROSE and not file.unread
        ignored = charts.is_dependency(file) or is_prose
        judged = file.blank() if ignored else file  # it may still be the main file of a chart
        verdicts = {kind.letter: kind.judge(judged, chart) for kind in KINDS}
        kinds = {letter: each.usable for letter, each in verdicts.items() if each.present}
        if kinds:
            kinds_by_path[file.path] = kinds
        for kind in KINDS:
            if kind.letter in kinds and file.report:
                by_version = counts.setdefault(kind.letter, Counter())
                by_version[directory_version(file.path)] += kind.count(file.report)
        if file.report is None and None in kinds.values():
            not_read.add(file.path)
        if ignored:
            continue
        if reason := unread.get(file.path):
            findings.append(Finding(Level.WARNING, About.FILE, 1, reason, file.path))
        findings += _findings_of(file, verdicts.values())
    fit, fit_findings = fit_of(file for file in files if not charts.is_dependency(file))
    findings += fit_findings
    findings.sort(key=lambda finding: list(Level).index(finding.level))  # keep errors rather
    findings = findings[:_MAX_FINDINGS]
    findings.sort(key=lambda finding: (finding.path, finding.line, finding.level))
    return Judgement(kinds_by_path, tuple(findings), frozenset(not_read), counts, fit)


def _findings_of(file: DirectoryFile, verdicts: Collection[Verdict]) -> Iterator[Finding]:
    """Yield the findings about one file, without those of its chart."""
    present = any(verdict.present for verdict in verdicts)
    # An error in a file that a chart renders may disappear with its template actions.
    rendered = any(verdict.present and verdict.usable is None for verdict in verdicts)
    if file.report is None:
        return
    for finding in file.report.findings:
        if rendered and finding.level == Level.ERROR:
            continue
        if (
            present
            or finding.needs
            or (finding.level == Level.ERROR and file.suffix in YAML | {".json"})
        ):
            yield replace(finding, path=file.path)
    for verdict in verdicts:
        # A misleading name is reported only for files without content of any kind.
        if verdict.finding and verdict.present == present:
            yield replace(verdict.finding, path=file.path)
