"""Step 1 of a refresh: list the source's directories and decide which to look up."""

import logging
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

from hub import clock
from hub.content import editing
from hub.content.judgement import RULES_VERSION
from hub.content.map.render_map import locked_map, show_snapshot
from hub.content.refresh.links import (
    LINK_MODE,
    MAX_LINKS,
    MAX_TARGET_SIZE,
    UNREAD_TYPES,
    follow_top_links,
)
from hub.content.runs import refresh_runs
from hub.github import errors
from hub.github.client import Commit, GitHubClient, shared_client
from hub.github.renames import forget_rename, rename_note
from hub.github.source import Source, source_for_display, source_of
from hub.github.tokens import adopt_environment_token, ask_again
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
from hub.models.contents import directories_of, tree_key
from hub.runs.transactions import short_transaction

logger = logging.getLogger(__name__)

MAX_NAME_LENGTH = 255  # characters; the limit of file systems and of our columns

Entries = dict[str, list[str]]  # name of a tree's child → [type, SHA], as in `TreeListing`


@dataclass
class Listing:
    """A listing of the source, with the data to store: new trees and the branch's ETag."""

    root_sha: str = ""
    contents_sha: str = ""
    directories: dict[str, str] = field(default_factory=dict)  # name → tree SHA
    requests: int = 0
    new_trees: dict[str, Entries] = field(default_factory=dict)  # SHA → children
    new_etag: ListingETag | None = None
    unread: dict[str, str] = field(default_factory=dict)  # SHA of a directory → why


def list_and_compare(run_id: int) -> None:
    """List the source, then end the run as unchanged or send its lookups.

    The message may be delivered twice: the second call continues where the first one stopped.
    """
    run = _start_listing(run_id)
    if run is None:
        return
    try:
        source = source_of(run.source)
        adopt_environment_token()
        ask_again()
        client = shared_client()
        commit = editing.commit_waiting(client, source, run_id)
        listed_at = clock.now()
        listing = _list(client, source, commit, full=run.full)
        _store_and_compare(run_id, listing, listed_at)
    except errors.GitHubError as error:
        _end_without_listing(run_id, error)
    except (OperationalError, InterfaceError):
        raise  # Postgres is restarting: Celery retries the task
    except Exception as error:
        refresh_runs.fail(run_id, Reason.INTERNAL, type(error).__name__)
        raise


def _start_listing(run_id: int) -> RefreshRun | None:
    """Mark the run as listing and return it; None if the run has ended or is past this step."""
    # `start_refresh` locks the same row to decide whether a change needs a follow-up run.
    before = [RunStatus.QUEUED, RunStatus.LISTING]
    run = RefreshRun.objects.filter(pk=run_id)
    if run.filter(status__in=before).update(status=RunStatus.LISTING, progress_at=clock.now()):
        return run.get()
    looking_up = run.filter(status=RunStatus.LOOKING_UP).first()
    if looking_up:  # a worker died between the commit and the chord
        refresh_runs.send_lookups(looking_up)
    return None


def _end_without_listing(run_id: int, error: errors.GitHubError) -> None:
    """End the run with the reason. The last good snapshot stays published."""
    with short_transaction():
        run = refresh_runs.locked(run_id)
        if run.status == RunStatus.LISTING:
            refresh_runs.end_with(run, error)
            if isinstance(error, errors.NotFound):
                forget_rename(source_for_display(run.source).repository)


def _list(client: GitHubClient, source: Source, commit: Commit | None, *, full: bool) -> Listing:
    """List the source's directories: fetch the root tree, and any trees on the path not yet stored.

    After our own `commit` it fetches that commit's root tree, because GitHub may still return the
    branch's previous one. Raises `GitHubError`.
    """
    listing = Listing()
    if commit:
        listing.root_sha = commit.tree_sha
        entries = _entries_of(client, source, commit.tree_sha, listing)
    else:
        entries = _list_root(client, source, listing, full=full)
    listing.contents_sha = listing.root_sha
    for name in filter(None, source.path.split("/")):
        kind, sha, *_ = entries.get(name, ["", ""])
        if kind == "link":
            raise errors.NotFound(
                f"{name} is a symbolic link: set GITHUB_CONTENTS_PATH to its target"
            )
        if kind != "tree":
            raise errors.NotFound(f"{source.repository} has no folder {source.path}")
        listing.contents_sha = sha
        entries = _entries_of(client, source, sha, listing)
    if listing.contents_sha in listing.new_trees:
        _follow_links(client, source, entries, listing)
    listing.directories = directories_of(entries)
    listing.unread = {
        tree_key(kind, sha): UNREAD_TYPES[kind]
        for kind, sha, *_ in entries.values()
        if kind in UNREAD_TYPES
    }
    return listing


def _follow_links(client: GitHubClient, source: Source, entries: Entries, listing: Listing) -> None:
    """Read the targets of links, and replace the links as `follow_top_links` does."""
    links = {name: sha for name, (kind, sha, *_) in entries.items() if kind == "link"}
    targets = dict.fromkeys(links, "")
    for name, sha in islice(links.items(), MAX_LINKS):
        data, requests = client.blob(source.repository, sha)
        listing.requests += requests
        targets[name] = data.decode(errors="replace")
    follow_top_links(entries, targets)


def _list_root(client: GitHubClient, source: Source, listing: Listing, *, full: bool) -> Entries:
    """Fetch the branch's root tree with an ETag: the only request whose response can change."""
    stored = TreeListing.objects.values("pk")
    etags = ListingETag.objects.filter(source=source.key, tree_sha__in=stored)
    known = {} if full else {etag.token_id: etag for etag in etags}
    answer = client.root_tree(
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
    """Return a tree by its SHA. It is fetched only once: a tree with a given SHA never changes."""
    stored = _stored_entries(sha)
    if stored is not None:
        return stored
    answer = client.tree(source.repository, sha)
    listing.requests += answer.requests
    return _add_tree(listing, sha, answer.data)


def _stored_entries(sha: str) -> Entries | None:
    return TreeListing.objects.filter(pk=sha).values_list("entries", flat=True).first()


def _add_tree(listing: Listing, sha: str, answer: dict[str, Any]) -> Entries:
    """Add the tree in GitHub's response to the listing, except names too long to store."""
    children = {entry["path"]: [_type_of(entry), entry["sha"]] for entry in answer["tree"]}
    for name in [name for name in children if len(name) > MAX_NAME_LENGTH]:
        logger.warning("skipped, because its name is too long: %s…", name[:80])
        del children[name]
    listing.new_trees[sha] = children
    return children


def _type_of(entry: dict[str, Any]) -> str:
    is_link = entry["mode"] == LINK_MODE and entry.get("size", 0) <= MAX_TARGET_SIZE
    return "link" if is_link else str(entry["type"])


def _store_and_compare(run_id: int, listing: Listing, listed_at: datetime) -> None:
    """Store the listing, and end the run as unchanged or create its lookups."""
    with short_transaction():
        run = refresh_runs.locked(run_id)
        if run.status != RunStatus.LISTING:
            return  # closed by housekeeping, or handled by a second delivery
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
            and newest.rules >= RULES_VERSION
            and not run.full
        ):
            show_snapshot(locked_map(run.source), newest, run.listed_at)
            note = rename_note(source_for_display(run.source).repository)
            refresh_runs.end(run, RunStatus.UNCHANGED, detail=note)
            return
        unknown = _unknown_directories(run, newest, listing.directories)
        Lookup.objects.bulk_create(
            (Lookup(run=run, directory=name, tree_sha=sha) for name, sha in unknown.items()),
            batch_size=1000,
        )
        # After the commit, so that the lookups always find the listing.
        transaction.on_commit(partial(refresh_runs.send_lookups, run))


def _store(listing: Listing) -> None:
    TreeListing.objects.bulk_create(
        [TreeListing(pk=sha, entries=tree) for sha, tree in sorted(listing.new_trees.items())],
        ignore_conflicts=True,
    )
    ContentTree.objects.bulk_create(
        [
            ContentTree(pk=sha, files=[], links={}, unread={".": reason})
            for sha, reason in sorted(listing.unread.items())
        ],
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
    """Return the (chosen) directories whose tree was not judged by these or newer rules."""
    unknown = directories
    if run.chosen is not None:
        unknown = {name: directories[name] for name in run.chosen if name in directories}
    if newest is not None and newest.rules >= RULES_VERSION:
        fresh = ExporterContents.objects.filter(source=run.source, stale="").order_by()
        published = set(fresh.values_list("tree_sha", flat=True))
        unknown = {name: sha for name, sha in unknown.items() if sha not in published}
    judged = ContentTree.objects.judged(RULES_VERSION).filter(sha__in=set(unknown.values()))
    known = set(judged.values_list("sha", flat=True)) if unknown else set()
    return {name: sha for name, sha in unknown.items() if sha not in known}
