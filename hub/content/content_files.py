"""An exporter's files as Postgres holds them: paths, versions, what each speaks for, findings."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import BinaryField, Case, F, OuterRef, QuerySet, Subquery, Value, When

from hub.content.judgement import Judgement
from hub.content.rules.report import FileFinding, FileReport
from hub.content.versions import newest_first, version_of
from hub.models import ContentBlob, ContentTree, Exporter, ExporterContents


@dataclass(frozen=True)
class ContentFile:
    """A file of a directory. `kinds` maps letters to whether it is usable (None: not read)."""

    directory: str
    path: str
    sha: str
    size: int
    kinds: Mapping[str, bool | None]
    findings: tuple[FileFinding, ...]

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
        return version_of(self.path)


@dataclass(frozen=True)
class Content:
    """What is in a file: the report, and its text where that was asked for and is text."""

    report: FileReport
    text: str | None = None


def judgement_of(row: ExporterContents) -> Judgement:
    """What the rules said of a directory; an empty one while its tree is not known."""
    tree = ContentTree.objects.filter(pk=row.tree_sha).exclude(judgement=None).first()
    return Judgement.from_json(tree.judgement) if tree else Judgement()


def with_trees(rows: QuerySet[ExporterContents]) -> QuerySet[ExporterContents]:
    """The rows, each with its tree's files and judgement: what `files_of` takes, in one query."""
    tree = ContentTree.objects.filter(pk=OuterRef("tree_sha"))
    return rows.annotate(
        tree_files=Subquery(tree.values("files")), tree_judgement=Subquery(tree.values("judgement"))
    )


def files_of(rows: Iterable[ExporterContents]) -> list[ContentFile]:
    """Every file of these directories (`with_trees`), by directory and path."""
    return [
        file
        for row in sorted(rows, key=lambda row: row.directory.casefold())
        for file in _files_of_row(row)
    ]


def _files_of_row(row: Any) -> Iterable[ContentFile]:
    judgement = _judgement(row)
    findings: dict[str, list[FileFinding]] = {}
    for finding in judgement.findings:
        findings.setdefault(finding.path, []).append(finding)
    for path, sha, size in sorted(row.tree_files or []):
        kinds = dict(judgement.files.get(path, {}))
        yield ContentFile(row.directory, path, sha, size, kinds, tuple(findings.get(path, [])))


def _judgement(row: Any) -> Judgement:
    return Judgement.from_json(row.tree_judgement) if row.tree_judgement else Judgement()


def findings_of_folders(rows: Iterable[ExporterContents]) -> list[tuple[str, FileFinding]]:
    """(directory, finding) of what the rules say of folders, such as a chart without templates."""
    return [
        (row.directory, finding)
        for row in rows
        for finding in _judgement(row).findings
        if all(finding.path != path for path, _, _ in getattr(row, "tree_files", None) or [])
    ]


def versions_of(files: Iterable[ContentFile]) -> list[str]:
    """The versions that the files lie in, newest first; the first is a page's default."""
    return newest_first(file.version for file in files if file.version)


def contents_of(files: Iterable[ContentFile], texts: Collection[str] = ()) -> dict[str, Content]:
    """What is in those of the files that are kept, by blob SHA, in one query.

    `texts` are the SHAs whose text is wanted as well.
    """
    shas = {file.sha for file in files}
    wanted = ContentBlob.objects.filter(sha__in=shas).annotate(
        wanted=Case(
            When(sha__in=shas.intersection(texts), then=F("data")),
            default=Value(None),
            output_field=BinaryField(),
        )
    )
    return {
        sha: Content(FileReport.from_json(report), _text(data))
        for sha, report, data in wanted.values_list("sha", "report", "wanted")
    }


def _text(data: Any) -> str | None:
    try:
        return None if data is None else bytes(data).decode()
    except UnicodeDecodeError:
        return None


def kept(files: Iterable[ContentFile]) -> set[str]:
    """The SHAs of those whose bytes the hub keeps."""
    shas = {file.sha for file in files}
    return set(ContentBlob.objects.filter(sha__in=shas).values_list("sha", flat=True))


def describe_files(exporter: Exporter, source: str) -> dict[str, Any]:
    """All that is there for one exporter, as JSON-ready values; its directories add up."""
    rows = list(with_trees(exporter.contents.filter(source=source)))
    files = files_of(rows)
    versions = versions_of(files)
    held = kept(files)
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
                "kept": file.sha in held,
                "findings": [dict(vars(finding)) for finding in file.findings],
            }
            for file in files
        ],
    }
