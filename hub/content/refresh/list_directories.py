"""Step one of a refresh: which directories the source has now, and which have to be looked up."""

import logging
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from hub.content import editing
from hub.content.judgement import RULES_VERSION
from hub.content.refresh.publish import confirm_unchanged
from hub.content.runs import refresh_runs
from hub.github import errors
from hub.github.client import Commit, GitHubClient, shared_client
from hub.github.source import Source, source_of
from hub.github.tokens import adopt_environment_token
from hub.models import (
    ContentTree,
    ExporterContents,
    ListingETag,
    Lookup,
    Reason,
    RefreshRun,
    RunStatus,
    Snapshot,
    TreeListing,
)
from hub.models.contents import directories_of
from hub.runs.transactions import short_transaction

logger = logging.getLogger(__name__)

LONGEST_NAME = 255  # characters; what file systems allow, and what the tables hold

Entries = dict[str, list[str]]  # {name: [type, SHA]} of a tree's children


@dataclass
class Listing:
    """The source at one moment, with what has to be stored: new trees, and the branch's ETag."""

    root_sha: str = ""
    contents_sha: str = ""
    directories: dict[str, str] = field(default_factory=dict)  # name → tree SHA
    requests: int = 0
    new_trees: dict[str, Entries] = field(default_factory=dict)  # SHA → children
    new_etag: ListingETag | None = None


def list_and_compare(run_id: int) -> None:
    """List the source, then end the run as unchanged or send its lookups.

    May be delivered twice: the second continues where the first has stopped.
    """
    run = _start_listing(run_id)
    if run is None:
        return
    try:
        source = source_of(run.source)
        adopt_environment_token()
        client = shared_client()
        commit = editing.commit_waiting(client, source, run_id)
        listed_at = timezone.now()
        listing = _list(client, source, commit, full=run.full)
        _store_and_compare(run_id, listing, listed_at)
    except errors.GitHubError as error:
        _end_without_listing(run_id, error)
    except (OperationalError, InterfaceError):
        raise  # Postgres restarts: the task tries again
    except Exception as fault:
        refresh_runs.fail(run_id, Reason.INTERNAL, type(fault).__name__)
        raise


def _start_listing(run_id: int) -> RefreshRun | None:
    """The run, marked as listing; None when it has ended or is past that.

    The update takes the row's lock, under which `start_run` decides whether a change comes too
    late for this listing: either it is noted for a following run, or this listing sees it.
    """
    before = [RunStatus.QUEUED, RunStatus.LISTING]
    run = RefreshRun.objects.filter(pk=run_id)
    if run.filter(status__in=before).update(status=RunStatus.LISTING):
        return run.get()
    looking_up = run.filter(status=RunStatus.LOOKING_UP).first()
    if looking_up:  # a worker died between the commit and the chord
        refresh_runs.send_lookups(looking_up)
    return None


def _end_without_listing(run_id: int, error: errors.GitHubError) -> None:
    """End the run; readers keep the last good snapshot and are told why it is not newer."""
    without_token = isinstance(error, errors.NoToken | errors.BadToken)
    status = RunStatus.NO_TOKEN if without_token else RunStatus.FAILED
    with short_transaction():
        run = refresh_runs.locked(run_id)
        if run.status == RunStatus.LISTING:
            refresh_runs.end(run, status, error.reason, str(error))


# --- listing --------------------------------------------------------------------------------------


def _list(client: GitHubClient, source: Source, commit: Commit | None, *, full: bool) -> Listing:
    """The source's directories: one conditional request for the root tree of the branch, then one
    for each tree on the way down that is not stored yet. Raises a `GitHubError`.

    After a `commit` of ours its own root tree is read: the branch's may lag behind.
    """
    listing = Listing()
    if commit:
        listing.root_sha = commit.tree_sha
        entries = _entries_of(client, source, commit.tree_sha, listing)
    else:
        entries = _list_root(client, source, listing, full=full)
    listing.contents_sha = listing.root_sha
    for name in filter(None, source.path.split("/")):
        kind, sha = entries.get(name, ["", ""])
        if kind != "tree":
            raise errors.NotFound(f"{source.repository} has no folder {source.path}")
        listing.contents_sha = sha
        entries = _entries_of(client, source, sha, listing)
    listing.directories = directories_of(entries)
    return listing


def _list_root(client: GitHubClient, source: Source, listing: Listing, *, full: bool) -> Entries:
    """The branch's root tree: the one answer that can change, so the one with an ETag."""
    stored = TreeListing.objects.values("pk")
    etags = ListingETag.objects.filter(source=source.key, tree_sha__in=stored)
    known = {} if full else {etag.token_id: etag for etag in etags}
    answer = client.tree(
        source.repository,
        source.branch,
        etags={token_id: etag.etag for token_id, etag in known.items()},
    )
    listing.requests += answer.requests
    if answer.unchanged:
        listing.root_sha = known[answer.token_id].tree_sha
        return _stored_entries(listing.root_sha) or {}
    listing.root_sha = answer.data["sha"]
    if answer.etag:
        listing.new_etag = ListingETag(
            token_id=answer.token_id,
            source=source.key,
            etag=answer.etag,
            tree_sha=listing.root_sha,
        )
    return _add_tree(listing, listing.root_sha, answer.data)


def _entries_of(client: GitHubClient, source: Source, sha: str, listing: Listing) -> Entries:
    """A tree by its SHA: fetched once, because the SHA names its contents."""
    stored = _stored_entries(sha)
    if stored is not None:
        return stored
    answer = client.tree(source.repository, sha)
    listing.requests += answer.requests
    return _add_tree(listing, sha, answer.data)


def _stored_entries(sha: str) -> Entries | None:
    return TreeListing.objects.filter(pk=sha).values_list("entries", flat=True).first()


def _add_tree(listing: Listing, sha: str, answer: dict[str, Any]) -> Entries:
    """The tree of GitHub's answer, without children whose names no column (or disk) can hold."""
    children = {entry["path"]: [entry["type"], entry["sha"]] for entry in answer["tree"]}
    for name in [name for name in children if len(name) > LONGEST_NAME]:
        logger.warning("left out, because its name is too long: %s…", name[:80])
        del children[name]
    listing.new_trees[sha] = children
    return children


# --- comparing ------------------------------------------------------------------------------------


def _store_and_compare(run_id: int, listing: Listing, listed_at: datetime) -> None:
    """Store the listing, and end the run as unchanged or let it look up what is not known.

    All in one transaction, before the lookups are sent: no later step can miss the listing.
    """
    with short_transaction():
        run = refresh_runs.locked(run_id)
        if run.status != RunStatus.LISTING:
            return  # housekeeping closed it, or a second delivery was faster
        _store(listing)
        run.listed_at = listed_at
        run.root_sha, run.contents_sha = listing.root_sha, listing.contents_sha
        run.directories, run.requests = len(listing.directories), listing.requests
        run.status = RunStatus.LOOKING_UP
        run.save()
        newest = Snapshot.objects.filter(source=run.source).first()
        if (
            newest is not None
            and newest.complete
            and newest.contents_sha == listing.contents_sha
            and newest.rules == RULES_VERSION
            and not run.full
        ):
            confirm_unchanged(run, newest)
            return
        unknown = _unknown_directories(run, newest, listing.directories)
        Lookup.objects.bulk_create(
            (Lookup(run=run, directory=name, tree_sha=sha) for name, sha in unknown.items()),
            batch_size=1000,
        )
        transaction.on_commit(partial(refresh_runs.send_lookups, run))


def _store(listing: Listing) -> None:
    TreeListing.objects.bulk_create(
        [TreeListing(pk=sha, entries=tree) for sha, tree in sorted(listing.new_trees.items())],
        ignore_conflicts=True,
    )
    if listing.new_etag:
        ListingETag.objects.bulk_create(
            [listing.new_etag],
            update_conflicts=True,
            unique_fields=["token", "source"],
            update_fields=["etag", "tree_sha"],
        )


def _unknown_directories(
    run: RefreshRun, newest: Snapshot | None, directories: dict[str, str]
) -> dict[str, str]:
    """Those whose tree was never judged, or by older rules; of the chosen ones, if there are."""
    unknown = directories
    if run.chosen is not None:
        unknown = {name: directories[name] for name in run.chosen if name in directories}
    if newest is not None and newest.rules == RULES_VERSION:
        fresh = ExporterContents.objects.filter(source=run.source, stale="").order_by()
        published = set(fresh.values_list("directory", "tree_sha"))
        unknown = {name: sha for name, sha in unknown.items() if (name, sha) not in published}
    judged = ContentTree.objects.judged(RULES_VERSION).filter(sha__in=set(unknown.values()))
    known = set(judged.values_list("sha", flat=True)) if unknown else set()
    return {name: sha for name, sha in unknown.items() if sha not in known}
