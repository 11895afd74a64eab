"""Files' bytes and what is in them: each asked of GitHub once for ever, whoever needs it first."""

from collections.abc import Iterable

from django.db import connection, transaction

from hub.contents import rules
from hub.contents.files.judge import judge
from hub.contents.files.report import FileReport
from hub.github.client import GitHubClient
from hub.models import ContentBlob


def known_reports(shas: Iterable[str]) -> dict[str, FileReport]:
    """What Postgres knows of these blobs; those that older rules judged are judged anew."""
    shas = set(shas)
    current = ContentBlob.objects.filter(sha__in=shas, rules=rules.RULES_VERSION)
    reports = {
        sha: FileReport.from_json(report) for sha, report in current.values_list("sha", "report")
    }
    outdated = ContentBlob.objects.filter(sha__in=shas).exclude(rules=rules.RULES_VERSION)
    for blob in outdated.iterator(chunk_size=10):
        reports[blob.sha] = _judge_again(blob)
    return reports


def _judge_again(blob: ContentBlob) -> FileReport:
    report = judge(bytes(blob.data))
    blob.report, blob.rules = report.as_json(), rules.RULES_VERSION
    blob.save(update_fields=["report", "rules"])
    return report


def learn(client: GitHubClient, repository: str, sha: str) -> tuple[FileReport, int]:
    """The blob's report, and the requests that it took. Raises a `GitHubError`.

    Two lookups that need the same blob at once would both ask for it: the second waits for the
    first instead, and finds it known.
    """
    with transaction.atomic():
        _wait_for_others(sha)
        known = known_reports([sha])
        if sha in known:
            return known[sha], 0
        data, requests = client.blob(repository, sha)
        return keep(sha, data), requests


def bytes_of(sha: str) -> bytes | None:
    """The blob's bytes, if they are kept."""
    data = ContentBlob.objects.filter(pk=sha).values_list("data", flat=True).first()
    return None if data is None else bytes(data)


def keep(sha: str, data: bytes) -> FileReport:
    """Judge `data` and keep both; what is kept already stays as it is."""
    report = judge(data)
    ContentBlob.objects.bulk_create(
        [ContentBlob(sha=sha, data=data, report=report.as_json(), rules=rules.RULES_VERSION)],
        ignore_conflicts=True,
    )
    return report


def _wait_for_others(sha: str) -> None:
    """Hold the blob's name until the transaction ends, or wait for who holds it.

    Postgres gives the lock back when a process dies. Nobody holds two, so none can wait in a ring.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [sha])
