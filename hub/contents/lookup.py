"""Looking up one directory. What GitHub does never raises here: it becomes an outcome."""

import logging
from dataclasses import asdict, dataclass
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from hub.github import errors
from hub.github.client import GitHubClient, shared_client
from hub.github.source import configured_source
from hub.models import ContentTree, Lookup, Outcome, Reason

logger = logging.getLogger(__name__)


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
    try:
        lookup.requests = _learn(shared_client(), lookup.tree_sha)
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
    lookup.finished_at = timezone.now()
    lookup.save()
    return LookupResult(directory, lookup.outcome, lookup.reason)


def _learn(client: GitHubClient, sha: str) -> int:
    """Make Postgres know the tree; the number of requests that it took."""
    if ContentTree.objects.filter(pk=sha).exists():
        return 0
    answer = client.tree(configured_source().repository, sha, recursive=True)
    files = _files(answer.data)
    with transaction.atomic():
        ContentTree.objects.get_or_create(pk=sha, defaults={"files": files})
    return answer.requests


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
    except DatabaseError:
        # Postgres is what failed: the lookup stays pending and counts as not finished in time.
        logger.warning("run %s: %s: outcome not noted", run_id, directory)
