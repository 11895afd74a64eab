"""An exporter's files as Postgres holds them: paths, versions, what each speaks for, findings."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import BinaryField, Case, F, OuterRef, QuerySet, Subquery, Value, When
from packaging.version import Version

from hub.content.judgement import Judgement
from hub.content.rules.report import FileReport, Finding
from hub.models import ContentBlob, ContentTree, Exporter, ExporterContents

# Possessive, for a folder may have any name, and no backtracking finds more.
_VERSION_FOLDER = re.compile(
    r"(?:v\.?)?\d++(?:\.\d++)++(?:[-+.]?[0-9a-z])*+|v\.?\d+", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True)
class ContentFile:
    """A file of a directory. `kinds` maps letters to whether it is usable (None: not read)."""

    directory: str
    path: str
    sha: str
    size: int
    kinds: Mapping[str, bool | None]
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """The path's last part."""
        return self.path.rpartition("/")[2]

    @property
    def whole_path(self) -> str:
        """The path with the directory before it: its name among all of an exporter's files."""
        return f"{self.directory}/{self.path}"

    @property
    def version(self) -> str:
        """The version whose folder it lies in; "" outside of any."""
        return directory_version(self.path)


@dataclass(frozen=True)
class Content:
    """What is in a file: the report, and its text where that was asked for and is text."""

    report: FileReport
    text: str | None = None


def judgement_of(row: ExporterContents) -> Judgement:
    """What the rules said of a directory; an empty one while its tree is not known."""
    tree = ContentTree.objects.filter(pk=row.tree_sha)
    return Judgement.from_json(tree.values_list("judgement", flat=True).first())


def with_trees(rows: QuerySet[ExporterContents]) -> QuerySet[ExporterContents]:
    """The rows, each with its tree's files and judgement: what `files_of` takes, in one query."""
    tree = ContentTree.objects.filter(pk=OuterRef("tree_sha"))
    return rows.annotate(
        tree_files=Subquery(tree.values("files")), tree_judgement=Subquery(tree.values("judgement"))
    )


def files_of(rows: Iterable[Any]) -> list[ContentFile]:
    """Every file of these directories (`with_trees`), by directory and path."""
    files = []
    for row in sorted(rows, key=lambda row: row.directory.casefold()):
        judgement = Judgement.from_json(row.tree_judgement)
        findings = defaultdict(list)
        for finding in judgement.findings:
            findings[finding.path].append(finding)
        for path, sha, size in sorted(row.tree_files or []):
            kinds, found = judgement.files.get(path, {}), tuple(findings[path])
            files.append(ContentFile(row.directory, path, sha, size, kinds, found))
    return files


def findings_of_folders(rows: Iterable[Any]) -> list[tuple[str, Finding]]:
    """(directory, finding) of what the rules say of folders, such as a chart without templates."""
    return [
        (row.directory, finding)
        for row in rows
        for finding in Judgement.from_json(row.tree_judgement).findings
        if all(finding.path != path for path, _, _ in row.tree_files or [])
    ]


def versions_of(files: Iterable[ContentFile]) -> list[str]:
    """The versions that the files lie in, newest first; the first is a page's default."""
    return newest_first(file.version for file in files if file.version)


def directory_version(path: str) -> str:
    """The version whose folder `path` lies in (`v1.2.3/…`), as it is written; "" outside of any."""
    folders = path.split("/")[:-1]
    return next((folder for folder in folders if _VERSION_FOLDER.fullmatch(folder)), "")


def newest_first(versions: Iterable[str]) -> list[str]:
    """The versions without repetition, newest first; what is no version at all comes last."""
    return sorted(set(versions), key=_order, reverse=True)


def _order(version: str) -> tuple[int, Version, str]:
    try:
        return 1, Version(version), version
    except ValueError:  # no version by PEP 440, or one with thousands of digits
        numbers = re.findall(r"[0-9]+", version)[:8]
        shortened = ".".join(number[:18] for number in numbers)
        return int(bool(numbers)), Version(shortened or "0"), version


def contents_of(files: Iterable[ContentFile], texts: Collection[str] = ()) -> dict[str, Content]:
    """What is in the files, by blob SHA, in one query; with the text of those in `texts`."""
    shas = {file.sha for file in files}
    wanted = ContentBlob.objects.filter(sha__in=shas).annotate(
        wanted=Case(
            When(sha__in=shas.intersection(texts), then=F("data")),
            default=Value(None),
            output_field=BinaryField(),
        )
    )
    return {
        sha: Content(FileReport.from_json(report), decoded(data))
        for sha, report, data in wanted.values_list("sha", "report", "wanted")
    }


def decoded(data: bytes | memoryview | None) -> str | None:
    """The text that a blob holds; None for one that is not stored or is no text."""
    try:
        return None if data is None else bytes(data).decode()
    except UnicodeDecodeError:
        return None


def describe_files(exporter: Exporter, source: str) -> dict[str, Any]:
    """All that is there for one exporter, as JSON-ready values; its directories add up."""
    rows = list(with_trees(exporter.contents.filter(source=source)))
    files = files_of(rows)
    versions = versions_of(files)
    kept = set(
        ContentBlob.objects.filter(sha__in={f.sha for f in files}).values_list("sha", flat=True)
    )
    return {
        "exporter": exporter.slug,
        "title": exporter.title,
        "directories": [row.directory for row in rows],
        "versions": versions,
        "default_version": versions[0] if versions else None,
        "files": [
            {
                "directory": file.directory,
                "path": file.path,
                "sha": file.sha,
                "size": file.size,
                "version": file.version or None,
                "kinds": dict(file.kinds),
                "kept": file.sha in kept,
                "findings": [dict(vars(finding)) for finding in file.findings],
            }
            for file in files
        ],
    }
