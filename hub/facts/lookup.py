"""Asking for the facts of one repository. What GitHub does never raises here: it is an outcome."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import Error, transaction
from django.utils import timezone

from hub.facts import parse
from hub.facts.store import Told, store
from hub.github import errors
from hub.github.client import GitHubClient, shared_client
from hub.models import Exporter, FactsETag, FactsLookup, FactsPart, Outcome, Reason
from hub.names.repositories import NotARepository, repository_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FactsResult:
    """What the task returns through Redis: small, free of texts and of secrets."""

    exporter: int
    outcome: str
    reason: str = ""

    def as_message(self) -> dict[str, Any]:
        """The result as JSON-ready values."""
        return asdict(self)


def look_up(run_id: int, exporter_id: int) -> FactsResult:
    """Ask for one exporter's facts and note the outcome; all is in Postgres on return.

    Running it twice changes nothing: a noted outcome is returned as it is. A run that has ended is
    left alone, and so is an exporter that was deleted meanwhile.
    """
    lookups = FactsLookup.objects.select_related("run", "exporter")
    lookup = lookups.filter(run_id=run_id, exporter_id=exporter_id).first()
    if lookup is None:
        return FactsResult(exporter_id, Outcome.MISSING)
    if lookup.outcome != Outcome.PENDING:
        return FactsResult(exporter_id, lookup.outcome, lookup.reason)
    if not lookup.run.is_open:
        return FactsResult(exporter_id, Outcome.FAILED, Reason.DEADLINE)
    asking = _Asking(shared_client(), lookup.exporter)
    lookup.outcome = Outcome.FOUND
    try:
        asking.ask_all()
    except errors.GitHubError as error:
        gone = isinstance(error, errors.NotFound)
        lookup.outcome = Outcome.MISSING if gone else Outcome.FAILED
        lookup.reason, lookup.detail = error.reason, str(error)[:300]
        logger.warning("facts %s: %s: %s", run_id, lookup.exporter.slug, error)
    with transaction.atomic():
        lookup.changed = store(lookup.exporter, asking.told, lookup.reason)
        lookup.requests = asking.requests
        lookup.finished_at = timezone.now()
        lookup.save()
    return FactsResult(exporter_id, lookup.outcome, lookup.reason)


@dataclass
class _Asking:
    """Three conditional requests; `told` grows by each answer that says something new."""

    client: GitHubClient
    exporter: Exporter
    requests: int = field(default=0, init=False)
    told: list[Told] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._etags = list(FactsETag.objects.filter(exporter=self.exporter))

    def ask_all(self) -> None:
        """Raises a `GitHubError`; what was told before it stands in `told`."""
        try:
            name = repository_of(self.exporter.repository)
        except NotARepository as fault:
            raise errors.NotFound(str(fault)) from None
        # After a rename the rest is asked under the new name, or each would be a detour.
        found = self._ask(FactsPart.REPOSITORY, f"/repos/{name}", parse.repository)
        if isinstance(found, parse.RepositoryFacts):
            name = found.name
        elif self.exporter.renamed_to:
            name = repository_of(self.exporter.renamed_to)
        try:
            self._ask(FactsPart.README, f"/repos/{name}/readme", parse.readme)
        except errors.NotFound:
            # The repository is there, so this is a clean answer: it has no README.
            self.requests += 1
            self.told.append(Told(FactsPart.README, None))
        self._ask(
            FactsPart.RELEASES,
            f"/repos/{name}/releases",
            parse.releases,
            {"per_page": str(parse.MOST_RELEASES)},
        )

    def _ask(
        self,
        part: FactsPart,
        path: str,
        read: Callable[[Any], Any],
        params: Mapping[str, str] | None = None,
    ) -> Any:
        """What the answer says, or None when it is the one that is known."""
        answer = self.client.get(path, params, self._etags_of(part, path))
        self.requests += answer.requests
        if answer.unchanged:
            return None
        value = read(answer.data)
        self.told.append(Told(part, value, path, answer.token_id, answer.etag))
        return value

    def _etags_of(self, part: FactsPart, path: str) -> dict[int, str]:
        # An empty description is filled from the answer: a 304 would never bring it again.
        if part == FactsPart.REPOSITORY and not self.exporter.description:
            return {}
        return {e.token_id: e.etag for e in self._etags if e.part == part and e.url == path}


def note_fault(run_id: int, exporter_id: int, detail: str) -> None:
    """Note a fault of the hub itself as the outcome of a lookup that has none yet."""
    try:
        with transaction.atomic():
            pending = FactsLookup.objects.filter(
                run_id=run_id, exporter_id=exporter_id, outcome=Outcome.PENDING
            )
            noted = pending.update(
                outcome=Outcome.FAILED,
                reason=Reason.INTERNAL,
                detail=detail,
                finished_at=timezone.now(),
            )
            if noted:
                Exporter.objects.filter(pk=exporter_id).update(facts_problem=Reason.INTERNAL)
    except Error:
        # Postgres is what failed: the lookup stays pending and counts as not finished in time.
        logger.warning("facts %s: exporter %s: outcome not noted", run_id, exporter_id)
