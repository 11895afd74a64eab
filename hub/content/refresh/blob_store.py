"""Files' bytes and what is in them: each asked of GitHub once for ever, whoever needs it first."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction

from hub.content.rules import directory as rules
from hub.content.rules.judge import judge
from hub.content.rules.report import FileReport
from hub.models import ContentBlob


def known_reports(shas: Iterable[str]) -> dict[str, FileReport]:
    """What Postgres knows of these blobs; those that older rules judged are judged anew."""
    known = ContentBlob.objects.filter(sha__in=set(shas)).values_list("sha", "rules", "report")
    reports, outdated = {}, []
    for sha, version, report in known:
        if version == rules.RULES_VERSION:
            reports[sha] = FileReport.from_json(report)
        else:
            outdated.append(sha)
    if outdated:
        for blob in ContentBlob.objects.filter(sha__in=outdated).iterator(chunk_size=10):
            reports[blob.sha] = _judge_again(blob)
    return reports


def _judge_again(blob: ContentBlob) -> FileReport:
    report = judge(bytes(blob.data))
    blob.report, blob.rules = report.as_json(), rules.RULES_VERSION
    blob.save(update_fields=["report", "rules"])
    return report


@contextmanager
def claimed(shas: Sequence[str]) -> Iterator[list[str]]:
    """A transaction in which the blobs that it gives are ours to ask for.

    Two lookups that need the same blob at once would both ask for it. So each gets those that
    nobody else is at; when all are being asked for, the first of them, once whoever is at it has
    ended: then look whether it is known. Nobody waits while he holds any, so none can wait in a
    ring, and Postgres gives them back when a process dies.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT sha FROM unnest(%s) AS sha"
                " WHERE pg_try_advisory_xact_lock(hashtextextended(sha, 0))",
                [list(shas)],
            )
            ours = [sha for (sha,) in cursor.fetchall()]
            if not ours:
                ours = [shas[0]]
                cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", ours)
        yield ours


def bytes_of(sha: str) -> bytes | None:
    """The blob's bytes, if they are kept."""
    data = ContentBlob.objects.filter(pk=sha).values_list("data", flat=True).first()
    return None if data is None else bytes(data)


@dataclass(frozen=True)
class Judged:
    """A file's bytes and what was found in them."""

    data: bytes
    report: FileReport

    @classmethod
    def of(cls, data: bytes) -> "Judged":
        """The bytes, judged."""
        return cls(data, judge(data))


def keep(blobs: Mapping[str, Judged]) -> None:
    """Keep files by their SHAs; what is kept already stays as it is."""
    ContentBlob.objects.bulk_create(
        [
            ContentBlob(
                sha=sha, data=blob.data, report=blob.report.as_json(), rules=rules.RULES_VERSION
            )
            for sha, blob in sorted(blobs.items())  # two at once then never wait in a ring
        ],
        ignore_conflicts=True,
    )
