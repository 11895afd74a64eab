"""Step two of a refresh: what one directory holds. What GitHub does never raises here: it becomes
an outcome."""

import logging
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from django.db import Error, close_old_connections, transaction
from django.utils import timezone

from hub.content import blob_store
from hub.content.rules.directory import (
    RULES_VERSION,
    Judgement,
    judge_directory,
    reading_order,
    worth_reading,
)
from hub.content.rules.judge import judge
from hub.content.rules.report import FileReport
from hub.github import errors
from hub.github.client import GitHubClient, shared_client
from hub.github.graphql import fetch_files
from hub.github.source import source_of
from hub.models import ContentTree, Lookup, Outcome, Reason, RefreshRun

logger = logging.getLogger(__name__)

# Files of one directory that are read: those of the largest real one, a chart with three others
# inside, are 25. What comes after is judged by its name, and says so.
MOST_FILES = 300
# Below half of Celery's visibility timeout, with a last slow request on top: a message must not be
# given to another worker while this one works on it.
LONGEST = timedelta(minutes=4)


class OutOfTime(errors.GitHubError):
    """The lookup takes too long for one task; what was read stays stored."""

    reason = Reason.DEADLINE


@dataclass(frozen=True)
class LookupResult:
    """What the task returns through Redis: small, free of times, texts and secrets."""

    directory: str
    outcome: str
    reason: str = ""

    def as_message(self) -> dict[str, str]:
        """The result as JSON-ready values."""
        return asdict(self)


def look_up(run_id: int, directory: str) -> LookupResult:
    """Learn and judge the tree of one directory, and store the outcome.

    Running it twice changes nothing: a stored outcome is returned as it is, a known file is not
    fetched again. An ended run is left alone. Never raises, as no task of a chord's header may: an
    exception there would lose the chord's body.
    """
    try:
        return _look_up(run_id, directory)
    except Exception as fault:
        logger.exception("run %s: %s", run_id, directory)
        _store_fault(run_id, directory, type(fault).__name__)
        return LookupResult(directory, Outcome.FAILED, Reason.INTERNAL)


def _look_up(run_id: int, directory: str) -> LookupResult:
    lookups = Lookup.objects.select_related("run").filter(run_id=run_id, directory=directory)
    lookup = lookups.first()
    if lookup is None or (lookup.outcome == Outcome.PENDING and not lookup.run.is_open):
        return LookupResult(directory, Outcome.FAILED, Reason.DEADLINE)
    if lookup.outcome == Outcome.PENDING:
        _learn(lookup)
    return LookupResult(directory, lookup.outcome, lookup.reason)


def _learn(lookup: Lookup) -> None:
    """Learn the directory's tree, and write the outcome together with the judgement."""
    reading = _Reading(shared_client(), lookup)
    judgement = None
    try:
        judgement = reading.judge_tree()
        lookup.outcome = Outcome.FOUND
    except errors.GitHubError as error:
        # A 404 for a tree that was listed a moment ago is a force push or lost access, not the end
        # of the directory: the next listing tells.
        missing = isinstance(error, errors.NotFound)
        lookup.outcome = Outcome.MISSING if missing else Outcome.FAILED
        lookup.reason, lookup.detail = error.reason, str(error)[:300]
        logger.warning("run %s: %s: %s", lookup.run_id, lookup.directory, error)
    lookup.requests, lookup.finished_at = reading.requests, timezone.now()
    with transaction.atomic():
        if judgement is not None:
            ContentTree.objects.filter(pk=lookup.tree_sha).update(
                judgement=judgement.as_json(), kinds=judgement.kinds(), rules=RULES_VERSION
            )
        lookup.save()


@dataclass
class _Reading:
    """Reads one directory: its tree over REST, its unknown files over GraphQL."""

    client: GitHubClient
    lookup: Lookup
    requests: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.repository = source_of(self.lookup.run.source).repository
        self.until = min(self.lookup.run.deadline, timezone.now() + LONGEST)

    def judge_tree(self) -> Judgement | None:
        """The tree's judgement by today's rules; None when it is stored. Raises a `GitHubError`."""
        tree = ContentTree.objects.filter(pk=self.lookup.tree_sha).first() or self._fetch_tree()
        if tree.is_judged(RULES_VERSION):
            return None
        readable = [file for file in tree.files if worth_reading(file[0], file[2])]
        readable.sort(key=lambda file: reading_order(file[0]))
        readable = readable[:MOST_FILES]
        sizes = {sha: size for _, sha, size in readable if size}
        known = blob_store.known_reports(sizes)
        known |= self._read_files({sha: sizes[sha] for sha in sizes if sha not in known})
        reports: dict[str, FileReport | None] = dict.fromkeys(path for path, _, _ in tree.files)
        for path, sha, size in readable:
            reports[path] = known[sha] if size else judge(b"")
        return judge_directory(reports)

    def _fetch_tree(self) -> ContentTree:
        """The tree from GitHub, stored at once: its files may be read in a later run."""
        answer = self.client.tree(self.repository, self.lookup.tree_sha, recursive=True)
        self.requests += answer.requests
        files = [
            [entry["path"], entry["sha"], entry.get("size", 0)]
            for entry in answer.data["tree"]
            if entry["type"] == "blob"
        ]
        tree = ContentTree(pk=self.lookup.tree_sha, files=files)
        ContentTree.objects.bulk_create([tree], ignore_conflicts=True)
        return tree

    def _read_files(self, sizes: dict[str, int]) -> dict[str, FileReport]:
        """Fetch, judge and store files, by blob SHA; what was stored stays if a later one fails."""
        reports: dict[str, FileReport] = {}
        if not self.lookup.run.rest_only:
            try:
                for files, requests in fetch_files(self.client, self.repository, sizes):
                    self.requests += requests
                    reports |= blob_store.store(files)
                    if len(reports) < len(sizes):
                        self._check_time()
            except errors.GraphQLNotOffered as denied:
                self.requests += 1
                logger.info("run %s: files come over REST: %s", self.lookup.run_id, denied)
                RefreshRun.objects.filter(pk=self.lookup.run_id).update(rest_only=True)
        for sha in sizes.keys() - reports.keys():
            self._check_time()
            data, requests = self.client.blob(self.repository, sha)
            self.requests += requests
            reports |= blob_store.store({sha: data})
        return reports

    def _check_time(self) -> None:
        if timezone.now() > self.until:
            raise OutOfTime


def _store_fault(run_id: int, directory: str, detail: str) -> None:
    """Store a fault of the hub itself as the outcome of a lookup that has none yet."""
    close_old_connections()  # a connection may be what failed
    pending = Lookup.objects.filter(run=run_id, directory=directory, outcome=Outcome.PENDING)
    try:
        pending.update(
            outcome=Outcome.FAILED,
            reason=Reason.INTERNAL,
            detail=detail,
            finished_at=timezone.now(),
        )
    except Error:
        # Postgres is what failed: the lookup stays pending and counts as not finished in time.
        logger.warning("run %s: %s: outcome not stored", run_id, directory)
