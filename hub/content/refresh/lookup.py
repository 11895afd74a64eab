"""Looking up directories. What GitHub does never raises here: it becomes an outcome."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import Error, close_old_connections, transaction
from django.utils import timezone

from hub.content.refresh import blob_store
from hub.content.rules import directory as rules
from hub.content.rules.judge import judge
from hub.content.rules.report import FileReport
from hub.github import errors
from hub.github.client import Answer, GitHubClient, shared_client
from hub.github.parallel import ask_all
from hub.github.source import configured_source
from hub.models import ContentTree, Lookup, Outcome, Reason

logger = logging.getLogger(__name__)

# Files of one directory that are read: those of the largest real one, a chart with three others
# inside, are 25. What comes after is judged by its name, and says so.
MOST_FILES = 300
# What is held in memory of a batch, of which a worker is at many: files, and bytes of them.
_AT_ONCE = 64
_MOST_BYTES = 2 * 1024 * 1024
# Under half of Celery's visibility timeout, with a last slow request on top: a message must not be
# given to another worker while this one is at it.
LONGEST = timedelta(minutes=4)


class OutOfTime(errors.GitHubError):
    """Looking all up takes too long for one task; what was read stays known."""

    reason = Reason.DEADLINE


@dataclass(frozen=True)
class LookupResult:
    """What the task returns through Redis: small, free of times, of texts and of secrets."""

    directory: str
    outcome: str
    reason: str = ""

    def as_message(self) -> dict[str, str]:
        """The result as JSON-ready values."""
        return asdict(self)


def look_up(run_id: int, directories: Sequence[str]) -> list[LookupResult]:
    """Learn the trees of these directories, side by side, and note each outcome.

    Running it twice changes nothing: a noted outcome is returned as it is, a known tree is not
    asked for again. A run that has ended is left alone. Never raises, as each task of a chord's
    header: an exception there would lose the chord's body.
    """
    try:
        return _look_up_all(run_id, directories)
    except Exception as fault:
        logger.exception("run %s: looking up %s", run_id, directories)
        return note_fault(run_id, directories, type(fault).__name__)


def _look_up_all(run_id: int, directories: Sequence[str]) -> list[LookupResult]:
    lookups = {
        lookup.directory: lookup
        for lookup in Lookup.objects.select_related("run").filter(
            run_id=run_id, directory__in=directories
        )
    }
    pending = [
        lookup
        for lookup in lookups.values()
        if lookup.outcome == Outcome.PENDING and lookup.run.is_open
    ]
    if pending:
        until = min(pending[0].run.deadline, timezone.now() + LONGEST)
        _Batch(shared_client(), configured_source().repository, until).learn(pending)
    return [_result(directory, lookups.get(directory)) for directory in directories]


def _result(directory: str, lookup: Lookup | None) -> LookupResult:
    if lookup is None or lookup.outcome == Outcome.PENDING:  # of a run that is forgotten or ended
        return LookupResult(directory, Outcome.FAILED, Reason.DEADLINE)
    return LookupResult(directory, lookup.outcome, lookup.reason)


@dataclass
class _Directory:
    """A directory on the way to its outcome. `needed` are the blobs to be known, in their order."""

    lookup: Lookup
    tree: ContentTree
    wanted: list[tuple[str, str, int]]
    needed: dict[str, int]  # SHA → size


@dataclass
class _Batch:
    """Makes Postgres know the trees of directories, their files and what they hold.

    All requests are made side by side; Postgres is asked and told once for all of a step.
    """

    client: GitHubClient
    repository: str
    until: datetime
    _reports: dict[str, FileReport] = field(default_factory=dict, init=False)
    _faults: dict[str, errors.GitHubError] = field(default_factory=dict, init=False)

    def learn(self, lookups: Sequence[Lookup]) -> None:
        """Learn and judge the tree of each and note the outcome, as soon as there is one."""
        left = [self._directory(lookup, tree) for lookup, tree in self._trees(lookups)]
        self._reports = blob_store.known_reports({sha for each in left for sha in each.needed})
        self._keep({each.tree.pk: each.tree for each in left if not self._is_done(each)})
        while left:
            self._note([self._outcome(each) for each in left if self._is_done(each)])
            left = [each for each in left if not self._is_done(each)]
            self._ask_for(self._next(left))

    def _trees(self, lookups: Sequence[Lookup]) -> Iterator[tuple[Lookup, ContentTree]]:
        """The tree of each lookup; the outcome of those that have none is noted."""
        wanted = {lookup.tree_sha for lookup in lookups}
        trees = ContentTree.objects.in_bulk(wanted)
        faults: dict[str, errors.GitHubError] = {}
        requests: dict[str, int] = {}
        for sha, answer in ask_all(self._ask_for_tree, wanted - trees.keys()):
            if isinstance(answer, Answer):
                trees[sha] = ContentTree(pk=sha, files=_files(answer.data))
                requests[sha] = answer.requests
            else:
                faults[sha] = answer
        failed = []
        for lookup in lookups:
            # Two directories may hold the same.
            lookup.requests = requests.pop(lookup.tree_sha, 0)
            if lookup.tree_sha in trees:
                yield lookup, trees[lookup.tree_sha]
            else:
                failed.append(_failed(lookup, faults[lookup.tree_sha]))
        self._note(failed)

    def _keep(self, trees: Mapping[str, ContentTree]) -> None:
        """Write those that are new: their files are known, whatever becomes of the reading."""
        new = [tree for tree in trees.values() if tree._state.adding]
        ContentTree.objects.bulk_create(sorted(new, key=_sha), ignore_conflicts=True)

    def _ask_for_tree(self, sha: str) -> Answer:
        self._check_time()
        return self.client.tree(self.repository, sha, recursive=True)

    def _directory(self, lookup: Lookup, tree: ContentTree) -> _Directory:
        if tree.judgement is not None and tree.rules == rules.RULES_VERSION:
            return _Directory(lookup, tree, [], {})
        readable = [file for file in tree.files if rules.worth_reading(file[0], file[2])]
        readable.sort(key=lambda file: rules.reading_order(file[0]))
        wanted = [(path, sha, size) for path, sha, size in readable[:MOST_FILES]]
        return _Directory(lookup, tree, wanted, {sha: size for _, sha, size in wanted if size})

    def _is_done(self, directory: _Directory) -> bool:
        return any(sha in self._faults for sha in directory.needed) or all(
            sha in self._reports for sha in directory.needed
        )

    def _outcome(self, directory: _Directory) -> tuple[Lookup, ContentTree | None]:
        """The lookup with its outcome, and the tree where it was judged."""
        lookup, tree = directory.lookup, directory.tree
        fault = next((self._faults[sha] for sha in directory.needed if sha in self._faults), None)
        if fault:
            return _failed(lookup, fault)
        lookup.outcome = Outcome.FOUND
        if tree.judgement is not None and tree.rules == rules.RULES_VERSION:
            return lookup, None
        reports: dict[str, FileReport | None] = dict.fromkeys(path for path, _, _ in tree.files)
        for path, sha, size in directory.wanted:
            reports[path] = self._reports[sha] if size else judge(b"")
        tree.judgement = rules.judge_directory(reports).as_json()
        tree.rules = rules.RULES_VERSION
        return lookup, tree

    def _note(self, outcomes: Sequence[tuple[Lookup, ContentTree | None]]) -> None:
        """Write outcomes, and the judgements that they come of, in one transaction."""
        if not outcomes:
            return
        judged = {tree.pk: tree for _, tree in outcomes if tree is not None}
        lookups = [lookup for lookup, _ in outcomes]
        for lookup in lookups:
            lookup.finished_at = timezone.now()
        with transaction.atomic():
            # Most are written already, so these are updates; sorted, so that two never wait in a
            # ring.
            ContentTree.objects.bulk_create(
                sorted(judged.values(), key=_sha),
                update_conflicts=True,
                unique_fields=["sha"],
                update_fields=["judgement", "rules"],
            )
            Lookup.objects.bulk_create(
                sorted(lookups, key=lambda lookup: lookup.pk),
                update_conflicts=True,
                unique_fields=["run", "directory"],
                update_fields=["outcome", "reason", "detail", "requests", "finished_at"],
            )

    def _next(self, left: Sequence[_Directory]) -> dict[str, _Directory]:
        """The blobs to ask for next, each with the first directory that needs it."""
        chosen: dict[str, _Directory] = {}
        size = 0
        for directory in left:
            for sha in directory.needed:
                if sha not in self._reports and sha not in chosen:
                    size += directory.needed[sha]
                    if chosen and (len(chosen) == _AT_ONCE or size > _MOST_BYTES):
                        return chosen
                    chosen[sha] = directory
        return chosen

    def _ask_for(self, wanted: Mapping[str, _Directory]) -> None:
        """Ask for as many of the blobs as are ours to ask for, and keep what comes."""
        if not wanted:
            return
        with blob_store.claimed(list(wanted)) as ours:
            self._reports |= blob_store.known_reports(ours)
            read: dict[str, blob_store.Judged] = {}
            unknown = [sha for sha in ours if sha not in self._reports]
            for sha, answer in ask_all(self._ask_for_blob, unknown):
                if isinstance(answer, errors.GitHubError):
                    self._faults[sha] = answer
                else:
                    read[sha], requests = answer
                    wanted[sha].lookup.requests += requests
            blob_store.keep(read)
        self._reports |= {sha: blob.report for sha, blob in read.items()}

    def _ask_for_blob(self, sha: str) -> tuple[blob_store.Judged, int]:
        """The blob, judged at once: meanwhile the others are still on their way."""
        self._check_time()
        data, requests = self.client.blob(self.repository, sha)
        return blob_store.Judged.of(data), requests

    def _check_time(self) -> None:
        if timezone.now() > self.until:
            raise OutOfTime


def _sha(tree: ContentTree) -> str:
    return str(tree.pk)


def _failed(lookup: Lookup, fault: errors.GitHubError) -> tuple[Lookup, None]:
    """The lookup with the outcome that the fault makes."""
    if isinstance(fault, errors.NotFound):
        # The listing named this tree a moment ago: a force push or lost access, not a clean end
        # of the directory, so it may take nothing away. The next listing tells.
        lookup.outcome, lookup.reason = Outcome.MISSING, fault.reason
    else:
        lookup.outcome, lookup.reason = Outcome.FAILED, fault.reason
        logger.warning("run %s: %s: %s", lookup.run_id, lookup.directory, fault)
    lookup.detail = str(fault)[:300]
    return lookup, None


def _files(tree: dict[str, Any]) -> list[list[Any]]:
    """[[path, blob SHA, size in bytes], …] of a recursive tree."""
    return [
        [entry["path"], entry["sha"], entry.get("size", 0)]
        for entry in tree["tree"]
        if entry["type"] == "blob"
    ]


def note_fault(run_id: int, directories: Sequence[str], detail: str) -> list[LookupResult]:
    """Note a fault of the hub itself as the outcome of lookups that have none yet."""
    close_old_connections()  # it may be one of them that failed
    try:
        Lookup.objects.filter(
            run_id=run_id, directory__in=directories, outcome=Outcome.PENDING
        ).update(
            outcome=Outcome.FAILED,
            reason=Reason.INTERNAL,
            detail=detail,
            finished_at=timezone.now(),
        )
    except Error:
        # Postgres is what failed: they stay pending and count as not finished in time.
        logger.warning("run %s: %s: outcome not noted", run_id, directories)
    return [LookupResult(each, Outcome.FAILED, Reason.INTERNAL) for each in directories]
