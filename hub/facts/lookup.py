"""Fetch the facts of one exporter's repository: stars, README and releases."""

from collections.abc import Callable
from typing import Any

from hub.facts import parse
from hub.facts.store import FetchedPart, store_facts
from hub.github import errors
from hub.github.client import shared_client
from hub.models import FactsETag, FactsLookup, FactsPart
from hub.names.repositories import NotARepository, repository_of


class FactsFetcher:
    """Sends a conditional request for each part; `fetched` collects the parts that changed."""

    def __init__(self, lookup: FactsLookup) -> None:
        self.lookup, self.exporter = lookup, lookup.exporter
        self.client = shared_client()
        self.requests = 0
        self.fetched: list[FetchedPart] = []
        self._etags = list(FactsETag.objects.filter(exporter=self.exporter))

    def store(self) -> None:
        """Write the fetched parts and, after a failure, its reason."""
        changed = store_facts(self.exporter, self.fetched, self.lookup.reason)
        FactsLookup.objects.filter(pk=self.lookup.pk).update(changed=changed)

    def learn(self) -> None:
        """Fetch all parts. Raises a `GitHubError`; parts fetched before it stay in `fetched`."""
        try:
            name = repository_of(self.exporter.repository)
        except NotARepository as fault:
            raise errors.NotFound(str(fault)) from None
        self._fetch(FactsPart.REPOSITORY, f"/repos/{name}", parse.parse_repository)
        try:
            self._fetch(FactsPart.README, f"/repos/{name}/readme", parse.parse_readme)
        except errors.NotFound:
            # The repository exists, so a 404 means that it has no README.
            self.requests += 1
            self.fetched.append(FetchedPart(FactsPart.README, None))
        page = {"per_page": str(parse.MAX_RELEASES)}
        self._fetch(FactsPart.RELEASES, f"/repos/{name}/releases", parse.parse_releases, **page)

    def _fetch(self, part: FactsPart, path: str, decode: Callable[..., Any], **params: str) -> None:
        """Fetch and parse a part, unless it has not changed since the last request."""
        etags = {e.token_id: e.etag for e in self._etags if e.part == part and e.url == path}
        if part == FactsPart.REPOSITORY and not self.exporter.description:
            etags = {}  # a 304 would not help: a full response fills the description
        answer = self.client.get(path, params, etags)
        self.requests += answer.requests
        if not answer.unchanged:
            value = decode(answer.data)
            self.fetched.append(FetchedPart(part, value, path, answer.token_id, answer.etag))
