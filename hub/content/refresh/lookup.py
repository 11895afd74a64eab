"""Step 2 of a refresh: fetch and judge one directory."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from hub import clock
from hub.content import blob_store
from hub.content.content_files import is_rendered
from hub.content.judgement import RULES_VERSION, Judgement, blobs_to_read, judge_files
from hub.content.refresh.links import follow_links, links_of
from hub.content.rules.fit import FIT
from hub.content.rules.report import FileReport
from hub.content.runs import refresh_runs
from hub.github import errors
from hub.github.client import shared_client
from hub.github.graphql import fetch_files
from hub.github.source import source_of
from hub.models import ContentTree, Lookup, Reason, RefreshRun

logger = logging.getLogger(__name__)

# Less than half of Celery's visibility timeout, including a last slow request: Celery must not
# deliver the message to another worker while this one is still working on it.
MAX_DURATION = timedelta(minutes=4)


class OutOfTime(errors.GitHubError, reason=Reason.DEADLINE):
    """The lookup takes too long for one task. The files that were read stay stored."""


def look_up_directory(run_id: int, directory: str) -> dict[str, Any]:
    """Fetch and judge the tree of one directory. Never raises."""
    return refresh_runs.look_up(run_id, directory, DirectoryLookup)


class DirectoryLookup:
    """Reads one directory: its tree over REST, and files that are not stored over GraphQL."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self.client = shared_client()
        self.until = min(lookup.run.deadline, clock.now() + MAX_DURATION)
        self.requests = 0
        self.repository = ""
        self.judgement: Judgement | None = None

    def learn(self) -> None:
        """Judge the tree, unless these or newer rules already have. Raises `GitHubError`."""
        self.repository = source_of(self.lookup.run.source).repository
        stored = ContentTree.objects.filter(pk=self.lookup.tree_sha, links__isnull=False)
        tree = stored.first() or self._fetch_tree()
        if tree.kinds is None or tree.rules < RULES_VERSION:
            self.judgement = self._judge(tree)

    def store(self) -> None:
        """Store the judgement, if there is a new one."""
        if self.judgement is not None:
            tree = ContentTree.objects.filter(pk=self.lookup.tree_sha)
            tree.filter(rules__lte=RULES_VERSION).update(
                judgement=self.judgement.as_json(),
                kinds=self.judgement.kinds(),
                fit=FIT.dump_python(self.judgement.fit, mode="json"),
                rules=RULES_VERSION,
            )

    def _judge(self, tree: ContentTree) -> Judgement:
        sizes = blobs_to_read(tree.files)
        known = blob_store.known_reports(sizes)
        known |= self._read_files({sha: sizes[sha] for sha in sizes if sha not in known})
        blob_store.mark_rendered(sha for path, sha, _ in tree.files if is_rendered(path))
        return judge_files(tree.files, known, tree.unread)

    def _fetch_tree(self) -> ContentTree:
        """Fetch and store the tree, so that a later run can continue with its files."""
        answer = self.client.tree(self.repository, self.lookup.tree_sha, recursive=True)
        self.requests += answer.requests
        entries = answer.data["tree"]
        targets: dict[str, bytes] = {}
        for texts in self._fetch_files(links_of(entries)):
            targets |= texts
        found = vars(follow_links(entries, targets))
        tree = ContentTree(pk=self.lookup.tree_sha, **found)
        ContentTree.objects.bulk_create(
            [tree], update_conflicts=True, unique_fields=["sha"], update_fields=list(found)
        )
        return tree

    def _read_files(self, sizes: dict[str, int]) -> dict[str, FileReport]:
        """Fetch, judge and store files by blob SHA. Stored files stay if a later one fails."""
        reports: dict[str, FileReport] = {}
        for files in self._fetch_files(sizes):
            reports |= blob_store.store_blobs(files)
        return reports

    def _fetch_files(self, sizes: dict[str, int]) -> Iterator[dict[str, bytes]]:
        """Yield the contents of files by blob SHA, those of each request at once."""
        missing = set(sizes)
        if missing and not self.lookup.run.rest_only:
            try:
                for files, requests in fetch_files(self.client, self.repository, sizes):
                    self.requests += requests
                    missing -= files.keys()
                    yield files
                    if missing:
                        self._check_time()
            except errors.GraphQLUnavailable as denied:
                self.requests += 1
                logger.info("run %s: fetching files over REST: %s", self.lookup.run_id, denied)
                RefreshRun.objects.filter(pk=self.lookup.run_id).update(rest_only=True)
        for sha in missing:
            self._check_time()
            data, requests = self.client.blob(self.repository, sha)
            self.requests += requests
            yield {sha: data}

    def _check_time(self) -> None:
        if clock.now() > self.until:
            raise OutOfTime
