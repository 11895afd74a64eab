"""Store the bytes and the report of each file by blob SHA, so that it is fetched only once."""

from collections.abc import Iterable, Mapping

from hub.content.judgement import RULES_VERSION
from hub.content.rules.judge import judge
from hub.content.rules.report import FileReport
from hub.models import ContentBlob


def known_reports(shas: Iterable[str]) -> dict[str, FileReport]:
    """Return the stored reports by SHA. Files judged by other rules are judged again first."""
    known = ContentBlob.objects.filter(sha__in=set(shas)).values_list("sha", "rules", "report")
    reports, others = {}, []
    for sha, version, report in known:
        if version == RULES_VERSION:
            reports[sha] = FileReport.from_json(report)
        else:
            others.append(sha)
    for sha in others:  # one at a time, because each may have 2 MB
        blob = ContentBlob.objects.only("data").filter(sha=sha).first()
        if blob:
            report = reports[sha] = judge(bytes(blob.data))
            older = ContentBlob.objects.filter(sha=sha, rules__lt=RULES_VERSION)
            older.update(report=report.as_json(), rules=RULES_VERSION)
    return reports


def store_blobs(files: Mapping[str, bytes]) -> dict[str, FileReport]:
    """Judge and store files (SHA → bytes), and return their reports. Existing rows stay as is."""
    reports = {sha: judge(data) for sha, data in files.items()}
    ContentBlob.objects.bulk_create(
        [
            ContentBlob(
                sha=sha, data=files[sha], report=reports[sha].as_json(), rules=RULES_VERSION
            )
            for sha in sorted(files)  # a fixed order, so that concurrent inserts cannot deadlock
        ],
        ignore_conflicts=True,
    )
    return reports


def mark_rendered(shas: Iterable[str]) -> None:
    """Have these files, texts in Markdown, rendered, unless they already are."""
    if shas := set(shas):
        ContentBlob.objects.filter(pk__in=shas, renderer__isnull=True).update(renderer=0)
