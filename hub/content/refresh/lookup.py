"""Step 2 of a refresh: fetch and judge one directory."""

import logging
from datetime import timedelta
from typing import Any

from django.utils import timezone

from hub.content import blob_store
from hub.content.judgement import (
    RULES_VERSION,
    Judgement,
    judge_directory,
    reading_order,
    worth_reading,
)
from hub.content.rules.judge import judge
from hub.content.rules.report import FileReport
from hub.content.runs import refresh_runs
from hub.github import errors
from hub.github.client import shared_client
from hub.github.graphql import fetch_files
from hub.github.source import source_of
from hub.models import ContentTree, Lookup, Reason, RefreshRun

logger = logging.getLogger(__name__)

# The most files to read in one directory; the largest real one, a chart with three subcharts, has
# 25. The remaining files are judged by their names, and a finding says so.
MAX_FILES = 300
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
        self.until = min(lookup.run.deadline, timezone.now() + MAX_DURATION)
        self.requests = 0
        self.repository = ""
        self.judgement: Judgement | None = None

    def learn(self) -> None:
        """Judge the tree, unless the current rules already have. Raises `GitHubError`."""
        self.repository = source_of(self.lookup.run.source).repository
        tree = ContentTree.objects.filter(pk=self.lookup.tree_sha).first() or self._fetch_tree()
        if tree.kinds is None or tree.rules != RULES_VERSION:
            self.judgement = self._judge(tree)

    def store(self) -> None:
        """Store the judgement, if there is a new one."""
        if self.judgement is not None:
            ContentTree.objects.filter(pk=self.lookup.tree_sha).update(
                judgement=self.judgement.as_json(),
                kinds=self.judgement.kinds(),
                rules=RULES_VERSION,
            )

    def _judge(self, tree: ContentTree) -> Judgement:
        readable = [file for file in tree.files if worth_reading(file[0], file[2])]
        readable.sort(key=lambda file: reading_order(file[0]))
        readable = readable[:MAX_FILES]
        sizes = {sha: size for _, sha, size in readable if size}
        known = blob_store.known_reports(sizes)
        known |= self._read_files({sha: sizes[sha] for sha in sizes if sha not in known})
        reports: dict[str, FileReport | None] = dict.fromkeys(path for path, _, _ in tree.files)
        for path, sha, size in readable:
            reports[path] = known[sha] if size else judge(b"")
        return judge_directory(reports)

    def _fetch_tree(self) -> ContentTree:
        """Fetch and store the tree, so that a later run can continue with its files."""
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
        """Fetch, judge and store files by blob SHA. Stored files stay if a later one fails."""
        reports: dict[str, FileReport] = {}
        if not self.lookup.run.rest_only:
            try:
                for files, requests in fetch_files(self.client, self.repository, sizes):
                    self.requests += requests
                    reports |= blob_store.store_blobs(files)
                    if len(reports) < len(sizes):
                        self._check_time()
            except errors.GraphQLUnavailable as denied:
                self.requests += 1
                logger.info("run %s: fetching files over REST: %s", self.lookup.run_id, denied)
                RefreshRun.objects.filter(pk=self.lookup.run_id).update(rest_only=True)
        for sha in sizes.keys() - reports.keys():
            self._check_time()
            data, requests = self.client.blob(self.repository, sha)
            self.requests += requests
            reports |= blob_store.store_blobs({sha: data})
        return reports

    def _check_time(self) -> None:
        if timezone.now() > self.until:
            raise OutOfTime
