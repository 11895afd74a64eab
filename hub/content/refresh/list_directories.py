"""Listing: which directories the source has now, and which of them have to be looked up."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils import timezone

from hub.content import editing
from hub.content.map.render_map import serve_failure
from hub.content.refresh import dispatch
from hub.content.refresh.publish import confirm_unchanged
from hub.content.refresh.start import end_run
from hub.content.refresh.tree_store import (
    Tree,
    fetch_tree,
    forget_tree,
    keep_trees,
    learned_tree,
    listed_in,
    tree_of,
)
from hub.content.rules import directory as rules
from hub.github import errors
from hub.github.client import Commit, GitHubClient, shared_client
from hub.github.source import Source, configured_source
from hub.github.tokens import adopt_environment_token
from hub.models import (
    ContentTree,
    ListingETag,
    Lookup,
    Outcome,
    Reason,
    RefreshRun,
    RunStatus,
    Snapshot,
    TreeListing,
)
from hub.runs.transactions import short_transaction

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listing:
    """The source at one moment: its trees by SHA and its directories, name → tree SHA."""

    root_sha: str
    contents_sha: str
    directories: dict[str, str]
    requests: int


@dataclass
class _News:
    """What GitHub said that Postgres does not have yet: trees, and the ETag of the branch's own.

    Nobody needs it before a run is published, so that the lookups need not wait for it.
    """

    trees: dict[str, Tree] = field(default_factory=dict)
    etag: ListingETag | None = None

    def keep(self) -> None:
        """Let Postgres have it: the ETag together with the tree that it describes, and of no use
        without it."""
        if not self.trees:
            return
        with transaction.atomic():
            keep_trees(self.trees)
            if self.etag:
                ListingETag.objects.bulk_create(
                    [self.etag],
                    update_conflicts=True,
                    unique_fields=["token", "url"],
                    update_fields=["etag", "tree_sha"],
                )
        self.trees, self.etag = {}, None


def list_and_compare(run_id: int) -> None:
    """List the source, then end the run as unchanged, publish at once, or send the chord.

    May be delivered twice: what a first delivery did is found and carried on.
    """
    source = configured_source()
    if not _mark_listing(run_id, source):
        _send_again(run_id, source)
        return
    adopt_environment_token()
    client = shared_client()
    commit = editing.commit_waiting(client, source, run_id)
    listed_at = timezone.now()
    news = _News()
    try:
        listing = _fetch_listing(client, source, commit, news)
    except errors.GitHubError as error:
        news.keep()
        _end_without_listing(run_id, error)
        return
    _compare(run_id, listing, listed_at, news)
    news.keep()


def _compare(run_id: int, listing: Listing, listed_at: datetime, news: _News) -> None:
    """End the run as unchanged, or note what it has to look up, and go on to that."""
    with short_transaction():
        run = RefreshRun.objects.select_for_update().get(pk=run_id)
        if run.status != RunStatus.LISTING:
            return  # the watch closed it, or a second delivery was faster
        run.listed_at = listed_at
        run.root_sha, run.contents_sha = listing.root_sha, listing.contents_sha
        run.directories, run.requests = len(listing.directories), listing.requests
        run.status = RunStatus.LOOKING_UP
        run.save()
        newest = Snapshot.objects.filter(source=run.source).first()
        if newest is not None and _is_of(newest, listing):
            confirm_unchanged(run, newest)
            return
        unknown = _unknown_directories(run, newest, listing.directories)
        if not unknown:
            news.keep()  # the publication comes at once, and needs it
        Lookup.objects.bulk_create(
            (
                Lookup(run=run, directory=directory, tree_sha=sha)
                for directory, sha in unknown.items()
            ),
            batch_size=1000,
        )
        transaction.on_commit(partial(_send, run, list(unknown)))


def _mark_listing(run_id: int, source: Source) -> bool:
    """Say that the run lists from here on; False when it is past that, or of another source.

    The update takes the row's lock, under which `start_run` decides whether a change comes too
    late for this listing: it is either noted for a following run, or asked of GitHub after this.
    """
    before = [RunStatus.QUEUED, RunStatus.LISTING]
    runs = RefreshRun.objects.filter(pk=run_id, source=source.key, status__in=before)
    return bool(runs.update(status=RunStatus.LISTING))


def _send_again(run_id: int, source: Source) -> None:
    """Send what is left to do, if the run's worker died between the commit and the chord."""
    looking_up = RefreshRun.objects.filter(source=source.key, status=RunStatus.LOOKING_UP)
    run = looking_up.filter(pk=run_id).first()
    if run:
        pending = run.lookups.filter(outcome=Outcome.PENDING)
        _send(run, list(pending.values_list("directory", flat=True)))


def _send(run: RefreshRun, directories: Sequence[str]) -> None:
    """Send the chord for what is left to look up, or the publication if nothing is."""
    if directories:
        dispatch.look_up_and_publish(run.pk, directories)
    else:
        dispatch.publish(run.pk)


def _is_of(newest: Snapshot, listing: Listing) -> bool:
    """Whether the snapshot is all that there is to publish of the listing."""
    return (
        newest.complete
        and newest.contents_sha == listing.contents_sha
        and newest.rules == rules.RULES_VERSION
    )


def _unknown_directories(
    run: RefreshRun, newest: Snapshot | None, directories: dict[str, str]
) -> dict[str, str]:
    """Those whose tree was never judged, or by older rules; of the chosen ones, when there are."""
    asked_for = directories
    if run.chosen is not None:
        asked_for = {name: directories[name] for name in run.chosen if name in directories}
    if newest is not None and newest.rules == rules.RULES_VERSION:
        before = listed_in(newest) or {}
        asked_for = {name: sha for name, sha in asked_for.items() if before.get(name) != sha}
    judged = ContentTree.objects.judged(rules.RULES_VERSION)
    judged = judged.filter(sha__in=set(asked_for.values()))
    known = set(judged.values_list("sha", flat=True)) if asked_for else set()
    return {name: sha for name, sha in asked_for.items() if sha not in known}


def _end_without_listing(run_id: int, error: errors.GitHubError) -> None:
    """End the run; readers keep the last good snapshot and are told why it is not newer."""
    without_token = isinstance(error, errors.NoToken | errors.BadToken)
    status = RunStatus.NO_TOKEN if without_token else RunStatus.FAILED
    with short_transaction():
        run = RefreshRun.objects.select_for_update().get(pk=run_id)
        if run.status != RunStatus.LISTING:
            return  # ended, or a second delivery had listed and is past that
        end_run(run, status, error.reason, str(error))
        serve_failure(run.source, Reason(error.reason))
    logger.warning("run %s ended %s: %s", run_id, status, error)


def _fetch_listing(
    client: GitHubClient, source: Source, commit: Commit | None, news: _News
) -> Listing:
    """The source's directories: one conditional request for the root tree, one for each tree on
    the way down that is not known yet. Raises a `GitHubError`; `news` has what was learned.

    With a `commit` that was made just now its own root tree is read: the branch's may lag behind.
    """
    if commit:
        sha = commit.tree_sha
        tree, requests = _fetch_tree(client, source, sha, news)
    else:
        sha, tree, requests = _fetch_root(client, source, news)
    root_sha = sha
    for name in filter(None, source.path.split("/")):
        above = sha
        kind, sha = tree.entries.get(name, ["", ""])
        if kind != "tree":
            _forget(source, above, news)
            raise errors.NotFound(f"{source.repository} has no folder {source.path}")
        tree, asked = _fetch_tree(client, source, sha, news)
        requests += asked
    return Listing(root_sha, sha, tree.directories, requests)


def _forget(source: Source, sha: str, news: _News) -> None:
    """Have the tree, which leads nowhere, asked for again by the next run, without an ETag.

    A branch's own tree cannot be held against a SHA that was asked for: it may have been garbled.
    """
    news.trees.pop(sha, None)
    news.etag = None
    with transaction.atomic():
        ListingETag.objects.filter(url=source.key).delete()
        forget_tree(sha)


def _fetch_root(client: GitHubClient, source: Source, news: _News) -> tuple[str, Tree, int]:
    """The root tree of the branch: the one request whose answer can change, so the one with an
    ETag."""
    kept = TreeListing.objects.values("pk")
    known = {
        etag.token_id: (etag.etag, etag.tree_sha)
        for etag in ListingETag.objects.filter(url=source.key, tree_sha__in=kept)
    }
    answer = client.tree(
        source.repository,
        source.branch,
        etags={token_id: etag for token_id, (etag, _) in known.items()},
    )
    if answer.unchanged:
        sha = known[answer.token_id][1]
        return sha, tree_of(sha), answer.requests
    sha = answer.data["sha"]
    news.trees[sha] = learned_tree(sha, answer.data)
    if answer.etag:
        news.etag = ListingETag(
            token_id=answer.token_id, url=source.key, etag=answer.etag, tree_sha=sha
        )
    return sha, news.trees[sha], answer.requests


def _fetch_tree(client: GitHubClient, source: Source, sha: str, news: _News) -> tuple[Tree, int]:
    """A tree by its SHA: never asked for twice, for its SHA is the name of its contents."""
    if TreeListing.objects.filter(pk=sha).exists():
        return tree_of(sha), 0
    news.trees[sha], requests = fetch_tree(client, source, sha)
    return news.trees[sha], requests
