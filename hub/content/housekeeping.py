"""Deleting what the contents' history and old listings no longer need."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from hub.models import ListingETag, RefreshRun, ServedContents, Snapshot, TreeListing

_LISTING_KEPT = timedelta(days=1)


def prune() -> None:
    """Delete what is older than `HISTORY_KEPT`, and listings that nothing needs any more."""
    before = timezone.now() - settings.HISTORY_KEPT
    served = ServedContents.objects.exclude(snapshot=None).values("snapshot")
    Snapshot.objects.filter(published_at__lt=before).exclude(pk__in=served).delete()
    old = RefreshRun.objects.filter(finished_at__lt=before)
    old.exclude(pk__in=Snapshot.objects.values("run")).delete()
    _prune_listings()


def _prune_listings() -> None:
    """Each push leaves a listing of thousands of names. One that is needed again is fetched."""
    before = timezone.now() - _LISTING_KEPT
    needed = {
        *ListingETag.objects.values_list("tree_sha", flat=True),
        *_shas(Snapshot.objects.filter(pk__in=ServedContents.objects.values("snapshot"))),
        *_shas(RefreshRun.objects.filter(started_at__gte=before)),
    }
    TreeListing.objects.filter(learned_at__lt=before).exclude(pk__in=needed).delete()


def _shas(rows: QuerySet[Any]) -> Iterator[str]:
    for root_sha, contents_sha in rows.values_list("root_sha", "contents_sha"):
        yield from (root_sha, contents_sha)
