"""Listing: which directories the source has now, and which of them have to be looked up."""

import logging
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from hub.contents import dispatch, edits, rules
from hub.contents.listed import Entries, entries_of, forget_entries, keep_entries, listed_before
from hub.contents.publish import confirm_unchanged
from hub.contents.runs import end_run
from hub.contents.serve import serve_failure
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
from hub.transactions import short_transaction

logger = logging.getLogger(__name__)

# Characters; what file systems take, and what the tables do.
LONGEST_NAME = 255


@dataclass(frozen=True)
class Listing:
    """The source at one moment: its trees by SHA and its directories, name → tree SHA."""

    root_sha: str
    contents_sha: str
    directories: dict[str, str]
    requests: int


def list_and_compare(run_id: int) -> None:
    """List the source, then end the run as unchanged, publish at once, or send the chord.

    May be delivered twice: what a first delivery did is found and carried on.
    """
    run = RefreshRun.objects.get(pk=run_id)
    source = configured_source()
    if not run.is_open or run.source != source.key:
        return
    if run.status == RunStatus.LOOKING_UP:  # its worker died between the commit and the chord
        _send(run)
        return
    if not _mark_listing(run_id):
        return
    adopt_environment_token()
    client = shared_client()
    commit = edits.commit_waiting(client, source, run_id)
    listed_at = timezone.now()
    try:
        listing = fetch_listing(client, source, commit)
    except errors.GitHubError as error:
        _end_without_listing(run, error)
        return
    with short_transaction():
        run = RefreshRun.objects.select_for_update().get(pk=run_id)
        if run.status != RunStatus.LISTING:
            return  # the watch closed it, or a second delivery was faster
        run.listed_at = listed_at
        run.root_sha, run.contents_sha = listing.root_sha, listing.contents_sha
        run.directories, run.requests = len(listing.directories), listing.requests
        run.status = RunStatus.LOOKING_UP
        run.save()
        if _nothing_changed(run):
            confirm_unchanged(run)
            return
        Lookup.objects.bulk_create(
            (
                Lookup(run=run, directory=directory, tree_sha=sha)
                for directory, sha in unknown_directories(run, listing.directories).items()
            ),
            batch_size=1000,
        )
        transaction.on_commit(partial(_send, run))


def _mark_listing(run_id: int) -> bool:
    """Say that the run lists from here on; False when it is past that.

    The update takes the row's lock, under which `start_run` decides whether a change comes too
    late for this listing: it is either noted for a following run, or asked of GitHub after this.
    """
    before = [RunStatus.QUEUED, RunStatus.LISTING]
    runs = RefreshRun.objects.filter(pk=run_id, status__in=before)
    return bool(runs.update(status=RunStatus.LISTING))


def _send(run: RefreshRun) -> None:
    """Send the chord for what is left to look up, or the publication if nothing is."""
    pending = list(run.lookups.filter(outcome=Outcome.PENDING).values_list("directory", flat=True))
    if pending:
        dispatch.look_up_and_publish(run.pk, pending)
    else:
        dispatch.publish(run.pk)


def _nothing_changed(run: RefreshRun) -> bool:
    newest = Snapshot.objects.filter(source=run.source).first()
    return (
        newest is not None
        and newest.complete
        and newest.contents_sha == run.contents_sha
        and newest.rules == rules.RULES_VERSION
    )


def unknown_directories(run: RefreshRun, directories: dict[str, str]) -> dict[str, str]:
    """Those whose tree was never judged, or by older rules; of the chosen ones, when there are."""
    asked_for = directories.keys() if run.chosen is None else directories.keys() & set(run.chosen)
    newest = Snapshot.objects.filter(source=run.source).first()
    if newest is not None and newest.rules == rules.RULES_VERSION:
        asked_for -= listed_before(newest, directories)
    shas = {directories[directory] for directory in asked_for}
    judged = ContentTree.objects.judged(rules.RULES_VERSION).filter(sha__in=shas)
    known = set(judged.values_list("sha", flat=True)) if shas else set()
    return {
        name: sha for name, sha in directories.items() if name in asked_for and sha not in known
    }


def _end_without_listing(run: RefreshRun, error: errors.GitHubError) -> None:
    """End the run; readers keep the last good snapshot and are told why it is not newer."""
    without_token = isinstance(error, errors.NoToken | errors.BadToken)
    status = RunStatus.NO_TOKEN if without_token else RunStatus.FAILED
    with short_transaction():
        run = RefreshRun.objects.select_for_update().get(pk=run.pk)
        if run.status != RunStatus.LISTING:
            return  # ended, or a second delivery had listed and is past that
        end_run(run, status, error.reason, str(error))
        serve_failure(run.source, Reason(error.reason))
    logger.warning("run %s ended %s: %s", run.pk, status, error)


def fetch_listing(client: GitHubClient, source: Source, commit: Commit | None = None) -> Listing:
    """The source's directories: one conditional request for the root tree, one for each tree on
    the way down that is not known yet. Raises a `GitHubError`.

    With a `commit` that was made just now its own root tree is read: the branch's may lag behind.
    """
    if commit:
        root_sha = commit.tree_sha
        entries, requests = _fetch_tree(client, source, root_sha)
    else:
        root_sha, entries, requests = _fetch_root(client, source)
    sha = root_sha
    for name in filter(None, source.path.split("/")):
        above = sha
        kind, sha = entries.get(name, ["", ""])
        if kind != "tree":
            _forget(source, above)
            raise errors.NotFound(f"{source.repository} has no folder {source.path}")
        entries, asked = _fetch_tree(client, source, sha)
        requests += asked
    directories = {name: sha for name, (kind, sha) in entries.items() if kind == "tree"}
    return Listing(root_sha, sha, directories, requests)


def _forget(source: Source, sha: str) -> None:
    """Have the tree, which leads nowhere, asked for again by the next run, without an ETag.

    A branch's own tree cannot be held against a SHA that was asked for: it may have been garbled.
    """
    with transaction.atomic():
        ListingETag.objects.filter(url=source.key).delete()
        forget_entries(sha)


def _fetch_root(client: GitHubClient, source: Source) -> tuple[str, Entries, int]:
    """The root tree of the branch: the one request whose answer can change, so the one with an
    ETag. The ETag is stored together with the tree that it describes, and of no use without it."""
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
        return sha, entries_of(sha), answer.requests
    entries = _entries(answer.data)
    sha = answer.data["sha"]
    with transaction.atomic():
        keep_entries(sha, entries)
        if answer.etag:
            ListingETag.objects.update_or_create(
                token_id=answer.token_id,
                url=source.key,
                defaults={"etag": answer.etag, "tree_sha": sha},
            )
    return sha, entries, answer.requests


def _fetch_tree(client: GitHubClient, source: Source, sha: str) -> tuple[Entries, int]:
    """A tree by its SHA: never asked for twice, for its SHA is the name of its contents."""
    if TreeListing.objects.filter(pk=sha).exists():
        return entries_of(sha), 0
    answer = client.tree(source.repository, sha)
    entries = _entries(answer.data)
    keep_entries(sha, entries)
    return entries, answer.requests


def _entries(tree: dict[str, Any]) -> Entries:
    """The tree's children, without those whose names no column holds (and no file system)."""
    children = {entry["path"]: [entry["type"], entry["sha"]] for entry in tree["tree"]}
    too_long = [name for name in children if len(name) > LONGEST_NAME]
    for name in too_long:
        logger.warning("left out, for its name is too long: %s…", name[:80])
        del children[name]
    return children
