"""Fetching the facts of one exporter's repository: stars, README and releases."""

from collections.abc import Callable
from typing import Any

from hub.facts import parse
from hub.facts.runs import facts_runs
from hub.facts.store import FetchedPart, store_facts
from hub.github import errors
from hub.github.client import shared_client
from hub.models import FactsETag, FactsLookup, FactsPart
from hub.names.repositories import NotARepository, repository_of


def look_up_facts(run_id: int, exporter_id: int) -> dict[str, Any]:
    """Fetch the facts of one exporter's repository. Never raises."""
    return facts_runs.look_up(run_id, exporter_id, FactsOfExporter)


class FactsOfExporter:
    """Three conditional requests; `fetched` grows by each answer that brings something new."""

    def __init__(self, lookup: FactsLookup) -> None:
        self.lookup, self.exporter = lookup, lookup.exporter
        self.client = shared_client()
        self.requests = 0
        self.fetched: list[FetchedPart] = []
        self._etags = list(FactsETag.objects.filter(exporter=self.exporter))

    def store(self) -> None:
        """Write what was fetched, and the reason if something could not be."""
        changed = store_facts(self.exporter, self.fetched, self.lookup.reason)
        FactsLookup.objects.filter(pk=self.lookup.pk).update(changed=changed)

    def learn(self) -> None:
        """Fetch the three parts. Raises a `GitHubError`; what came before it is in `fetched`."""
        try:
            name = repository_of(self.exporter.repository)
        except NotARepository as fault:
            raise errors.NotFound(str(fault)) from None
        # After a rename the rest is fetched under the new name: each would be redirected otherwise.
        found = self._fetch(FactsPart.REPOSITORY, f"/repos/{name}", parse.parse_repository)
        if isinstance(found, parse.RepositoryFacts):
            name = found.name
        elif self.exporter.renamed_to:
            name = repository_of(self.exporter.renamed_to)
        try:
            self._fetch(FactsPart.README, f"/repos/{name}/readme", parse.parse_readme)
        except errors.NotFound:
            # The repository is there, so this is a clean answer: it has no README.
            self.requests += 1
            self.fetched.append(FetchedPart(FactsPart.README, None))
        page = {"per_page": str(parse.MOST_RELEASES)}
        self._fetch(FactsPart.RELEASES, f"/repos/{name}/releases", parse.parse_releases, **page)

    def _fetch(self, part: FactsPart, path: str, read: Callable[[Any], Any], **params: str) -> Any:
        """What the answer says, or None when it is the one that is known."""
        answer = self.client.get(path, params, self._etags_of(part, path))
        self.requests += answer.requests
        if answer.unchanged:
            return None
        value = read(answer.data)
        self.fetched.append(FetchedPart(part, value, path, answer.token_id, answer.etag))
        return value

    def _etags_of(self, part: FactsPart, path: str) -> dict[int, str]:
        # An empty description is filled from the answer: a 304 would never bring it again.
        if part == FactsPart.REPOSITORY and not self.exporter.description:
            return {}
        return {e.token_id: e.etag for e in self._etags if e.part == part and e.url == path}
