"""Delete old runs, snapshots and tree listings."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from hub.models import ListingETag, RefreshRun, ServedContents, Snapshot, TreeListing

_LISTING_RETENTION = timedelta(days=1)


def prune_contents() -> None:
    """Delete runs and snapshots older than `HISTORY_KEPT`, and unused tree listings."""
    now = timezone.now()
    before = now - settings.HISTORY_KEPT
    served = ServedContents.objects.exclude(snapshot=None).values("snapshot")
    Snapshot.objects.filter(published_at__lt=before).exclude(pk__in=served).delete()
    old = RefreshRun.objects.filter(finished_at__lt=before)
    old.exclude(pk__in=Snapshot.objects.values("run")).delete()
    # Each push adds a listing, and a deleted one can be fetched again.
    before = now - _LISTING_RETENTION
    runs = RefreshRun.objects.filter(Q(started_at__gte=before) | Q(pk__in=served))
    unused = TreeListing.objects.filter(learned_at__lt=before)
    unused = unused.exclude(pk__in=ListingETag.objects.values("tree_sha"))
    unused = unused.exclude(pk__in=runs.values("root_sha"))
    unused.exclude(pk__in=runs.values("contents_sha")).delete()
