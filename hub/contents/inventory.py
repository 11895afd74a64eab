"""An exporter's files as Postgres holds them: paths, versions, what each speaks for, findings."""

from collections.abc import Iterable
from typing import Any

from hub.contents.rules import Judgement
from hub.contents.versions import newest_first, version_of
from hub.models import ContentBlob, ContentTree, Exporter, ExporterContents


def judgement_of(row: ExporterContents) -> Judgement:
    """What the rules said of a directory; an empty one while its tree is not known."""
    tree = ContentTree.objects.filter(pk=row.tree_sha).exclude(judgement=None).first()
    return Judgement.from_json(tree.judgement) if tree else Judgement()


def files_of(rows: Iterable[ExporterContents]) -> list[dict[str, Any]]:
    """Every file of these directories, as JSON-ready values, by directory and path."""
    rows = sorted(rows, key=lambda row: row.directory.casefold())
    trees = ContentTree.objects.in_bulk([row.tree_sha for row in rows if row.tree_sha])
    shas = {sha for tree in trees.values() for _, sha, _ in tree.files}
    kept = set(ContentBlob.objects.filter(sha__in=shas).values_list("sha", flat=True))
    return [
        entry
        for row in rows
        if row.tree_sha in trees
        for entry in _files_of_tree(row, trees[row.tree_sha], kept)
    ]


def _files_of_tree(
    row: ExporterContents, tree: ContentTree, kept: set[str]
) -> Iterable[dict[str, Any]]:
    judgement = Judgement.from_json(tree.judgement) if tree.judgement else Judgement()
    findings: dict[str, list[dict[str, Any]]] = {}
    for finding in judgement.findings:
        findings.setdefault(finding.path, []).append(dict(vars(finding)))
    for path, sha, size in sorted(tree.files):
        yield {
            "directory": row.directory,
            "path": path,
            "sha": sha,
            "size": size,
            "version": version_of(path) or None,
            "kinds": dict(judgement.files.get(path, {})),
            "kept": sha in kept,
            "findings": findings.get(path, []),
        }


def describe_files(exporter: Exporter, source: str) -> dict[str, Any]:
    """All that is there for one exporter; its directories add up."""
    rows = list(exporter.contents.filter(source=source))
    files = files_of(rows)
    versions = newest_first(file["version"] for file in files if file["version"])
    return {
        "exporter": exporter.slug,
        "title": exporter.title,
        "directories": [row.directory for row in rows],
        "versions": versions,
        "default_version": versions[0] if versions else None,
        "files": files,
    }
