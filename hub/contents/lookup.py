"""Looking up one directory. What GitHub does never raises here: it becomes an outcome."""

import logging
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import Error
from django.utils import timezone

from hub.contents import blobs, rules
from hub.contents.files.judge import judge
from hub.contents.files.report import FileReport
from hub.github import errors
from hub.github.client import GitHubClient, shared_client
from hub.github.source import configured_source
from hub.models import ContentTree, Lookup, Outcome, Reason

logger = logging.getLogger(__name__)

# Files of one directory that are read: those of the largest real one, a chart with three others
# inside, are 25. What comes after is judged by its name, and says so.
MOST_FILES = 300
# Under half of Celery's visibility timeout, with a last slow request on top: a message must not be
# given to another worker while this one is at it.
LONGEST = timedelta(minutes=4)


class OutOfTime(Exception):
    """Reading all files takes too long for one task; what was read stays known."""


@dataclass(frozen=True)
class LookupResult:
    """What the task returns through Redis: small, free of times, of texts and of secrets."""

    directory: str
    outcome: str
    reason: str = ""

    def as_message(self) -> dict[str, str]:
        """The result as JSON-ready values."""
        return asdict(self)


def look_up(run_id: int, directory: str) -> LookupResult:
    """Learn the tree of one directory and note the outcome; both are in Postgres on return.

    Running it twice changes nothing: a noted outcome is returned as it is, a known tree is not
    asked for again. A run that has ended is left alone.
    """
    lookup = Lookup.objects.select_related("run").get(run_id=run_id, directory=directory)
    if lookup.outcome != Outcome.PENDING:
        return LookupResult(directory, lookup.outcome, lookup.reason)
    if not lookup.run.is_open:
        return LookupResult(directory, Outcome.FAILED, Reason.DEADLINE)
    until = min(lookup.run.deadline, timezone.now() + LONGEST)
    learning = _Learning(shared_client(), configured_source().repository, until)
    try:
        learning.learn(lookup.tree_sha)
        lookup.outcome = Outcome.FOUND
    except errors.NotFound as gone:
        # The listing named this tree a moment ago: a force push or lost access, not a clean end
        # of the directory, so it may take nothing away. The next listing tells.
        lookup.outcome, lookup.reason = Outcome.MISSING, gone.reason
        lookup.detail = str(gone)[:300]
    except errors.GitHubError as error:
        lookup.outcome, lookup.reason = Outcome.FAILED, error.reason
        lookup.detail = str(error)[:300]
        logger.warning("run %s: %s: %s", run_id, directory, error)
    except OutOfTime:
        lookup.outcome, lookup.reason = Outcome.FAILED, Reason.DEADLINE
    lookup.requests = learning.requests
    lookup.finished_at = timezone.now()
    lookup.save()
    return LookupResult(directory, lookup.outcome, lookup.reason)


@dataclass
class _Learning:
    """Makes Postgres know a tree, its files and what they hold; counts the requests."""

    client: GitHubClient
    repository: str
    until: datetime
    requests: int = field(default=0, init=False)

    def learn(self, sha: str) -> None:
        """Learn the tree `sha` and judge it. Raises a `GitHubError` or `OutOfTime`."""
        tree = ContentTree.objects.filter(pk=sha).first() or self._fetch_tree(sha)
        if tree.judgement is not None and tree.rules == rules.RULES_VERSION:
            return
        reports = self._read([tuple(file) for file in tree.files])
        tree.judgement = rules.judge_directory(reports).as_json()
        tree.rules = rules.RULES_VERSION
        tree.save(update_fields=["judgement", "rules"])

    def _fetch_tree(self, sha: str) -> ContentTree:
        answer = self.client.tree(self.repository, sha, recursive=True)
        self.requests += answer.requests
        tree, _ = ContentTree.objects.get_or_create(pk=sha, defaults={"files": _files(answer.data)})
        return tree

    def _read(self, files: list[tuple[str, str, int]]) -> dict[str, FileReport | None]:
        """Path → report; None for a file that is not worth reading."""
        readable = [file for file in files if rules.worth_reading(file[0], file[2])]
        wanted = sorted(readable, key=lambda file: rules.reading_order(file[0]))[:MOST_FILES]
        known = blobs.known_reports(sha for _, sha, _ in wanted)
        reports: dict[str, FileReport | None] = dict.fromkeys((path for path, _, _ in files), None)
        for path, sha, size in wanted:
            if not size:
                known[sha] = judge(b"")
            elif sha not in known:
                if timezone.now() > self.until:
                    raise OutOfTime
                known[sha], requests = blobs.learn(self.client, self.repository, sha)
                self.requests += requests
            reports[path] = known[sha]
        return reports


def _files(tree: dict[str, Any]) -> list[list[Any]]:
    """[[path, blob SHA, size in bytes], …] of a recursive tree."""
    return [
        [entry["path"], entry["sha"], entry.get("size", 0)]
        for entry in tree["tree"]
        if entry["type"] == "blob"
    ]


def note_fault(run_id: int, directory: str, detail: str) -> None:
    """Note a fault of the hub itself as the outcome of a lookup that has none yet."""
    try:
        Lookup.objects.filter(run_id=run_id, directory=directory, outcome=Outcome.PENDING).update(
            outcome=Outcome.FAILED,
            reason=Reason.INTERNAL,
            detail=detail,
            finished_at=timezone.now(),
        )
    except Error:
        # Postgres is what failed: the lookup stays pending and counts as not finished in time.
        logger.warning("run %s: %s: outcome not noted", run_id, directory)
