"""Delete old runs, snapshots and listings, unused files, and the data of former sources."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from hub import clock
from hub.github.renames import forget_rename
from hub.github.source import configured_source, source_for_display
from hub.models import (
    Change,
    ContentBlob,
    ContentEdit,
    ContentName,
    ContentTree,
    DirectoryOwner,
    ExporterContents,
    ListingETag,
    Picture,
    RefreshRun,
    ServedContents,
    Snapshot,
    TreeListing,
)

_LISTING_RETENTION = timedelta(days=1)
# The models with a column `source`, each before those that protect its rows from deletion.
BY_SOURCE: tuple[type[Model], ...] = (
    *(ContentEdit, Change, ContentName, DirectoryOwner, ExporterContents, ListingETag),
    *(ServedContents, Snapshot, RefreshRun),
)


def prune_contents() -> None:
    """Delete old runs, snapshots and tree listings, and files that no map names any more."""
    now = clock.now()
    before = now - settings.HISTORY_KEPT
    Snapshot.objects.filter(published_at__lt=before).exclude(pk__in=_served()).delete()
    old = RefreshRun.objects.filter(finished_at__lt=before)
    old.exclude(pk__in=Snapshot.objects.values("run")).delete()
    _delete_unused_listings(now - _LISTING_RETENTION)
    _delete_unused_files(now)


def _served() -> QuerySet[ServedContents, Any]:
    """Return a query for the snapshots that are served."""
    return ServedContents.objects.exclude(snapshot=None).values("snapshot")


def _delete_unused_listings(before: datetime) -> None:
    """Delete listings from before this time. Each push adds one, and it can be fetched again."""
    runs = RefreshRun.objects.filter(Q(started_at__gte=before) | Q(pk__in=_served()))
    unused = TreeListing.objects.filter(learned_at__lt=before)
    unused = unused.exclude(pk__in=ListingETag.objects.values("tree_sha"))
    unused = unused.exclude(pk__in=runs.values("root_sha"))
    unused.exclude(pk__in=runs.values("contents_sha")).delete()


def _delete_unused_files(now: datetime) -> None:
    """Delete trees that no map has named for `REMOVED_FILES_KEPT`, and their files."""
    is_named = _is_named_by_a_map()
    trees = ContentTree.objects
    trees.filter(is_named, unused_since__isnull=False).update(unused_since=None)
    # Newer ones may belong to an open run.
    old = trees.filter(~is_named, learned_at__lt=now - settings.RUN_DEADLINE)
    old.filter(unused_since__isnull=True).update(unused_since=now)
    # An open run may be about to publish a tree that an earlier map named.
    if not RefreshRun.objects.open().exists():
        before = now - settings.REMOVED_FILES_KEPT
        _delete_trees(old.filter(unused_since__lt=before), before)


def _is_named_by_a_map() -> Exists:
    return Exists(ExporterContents.objects.filter(tree_sha=OuterRef("pk")))


# Joins all trees at once: to look up each of 100,000 files in them would take minutes.
_DELETE_UNNAMED_FILES = [
    f"""
    DELETE FROM {model._meta.db_table} AS blob WHERE learned_at < %s AND NOT EXISTS (
        SELECT FROM {ContentTree._meta.db_table}, jsonb_array_elements(files) AS file
        WHERE file ->> 1 = blob.sha
    )
    """  # noqa: S608 — the names are the models'
    for model in (ContentBlob, Picture)
]


def _delete_trees(trees: QuerySet[ContentTree], before: datetime) -> None:
    """Delete the trees, and the files from before this time that no other tree names."""
    with transaction.atomic(), connection.cursor() as cursor:
        deleted, _ = trees.delete()
        if deleted:
            for delete_unnamed in _DELETE_UNNAMED_FILES:
                cursor.execute(delete_unnamed, [before])


class CannotForget(Exception):
    """The source's data was not deleted; the message says why and what to do."""


def former_sources() -> dict[str, int]:
    """Return the sources with data, except for the configured one, with their directories."""
    keys = {key for model in BY_SOURCE for key in _sources_in(model)} - {configured_source().key}
    return {key: ExporterContents.objects.filter(source=key).count() for key in sorted(keys)}


def forget_source(source: str) -> int:
    """Delete everything that belongs to a former source, and return the number of rows.

    Raises `CannotForget`. Files that another source has too are kept.
    """
    if source == configured_source().key:
        raise CannotForget(
            f"{source} is the source that this hub serves. Configure another source first."
        )
    if source not in former_sources():
        raise CannotForget(f"The hub has no data of {source}. Run the command without arguments.")
    if open_run := RefreshRun.objects.open().first():
        raise CannotForget(
            f"{open_run} of {open_run.source} is open, and may need the files. Try again after it."
        )
    with transaction.atomic():
        deleted = sum(
            model._default_manager.filter(source=source).delete()[0] for model in BY_SOURCE
        )
        forget_rename(source_for_display(source).repository)
        now = clock.now()
        _delete_unused_listings(now)
        _delete_trees(ContentTree.objects.filter(~_is_named_by_a_map()), now)
    return deleted


def _sources_in(model: type[Model]) -> Iterator[str]:
    rows: QuerySet[Model] = model._default_manager.order_by()
    yield from rows.values_list("source", flat=True).distinct()
