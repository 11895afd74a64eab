"""The watch: whatever was killed or lost, every run ends, and history does not pile up."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from hub.accounts.login_throttle import forget_old as forget_failed_logins
from hub.content.refresh import dispatch, publish
from hub.models import (
    ListingETag,
    Lookup,
    RefreshRun,
    RunStatus,
    ServedContents,
    Snapshot,
    TreeListing,
    WebhookDelivery,
)

logger = logging.getLogger(__name__)

# A queued run whose task no worker took for so long: its message was lost, or Redis was away.
_LOST_AFTER = timedelta(seconds=45)
_LISTING_KEPT = timedelta(days=1)


def watch() -> None:
    """One tick of the watch."""
    for run_id in publish.close_overdue_runs():
        logger.warning("run %s was past its deadline and has been closed", run_id)
    lost = RefreshRun.objects.filter(
        status=RunStatus.QUEUED, started_at__lt=timezone.now() - _LOST_AFTER
    )
    for run in lost:
        dispatch.list_directories(run.pk)  # harmless when it was not lost: listing is idempotent
    forget_history()
    forget_listings()
    forget_failed_logins()


def forget_listings() -> None:
    """Delete listings that nothing needs any more: each push leaves one, of thousands of names.

    One that is needed again after all costs a request.
    """
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


def forget_history() -> None:
    """Delete what is older than `HISTORY_KEPT`, but nothing that is still served."""
    before = timezone.now() - settings.HISTORY_KEPT
    served = ServedContents.objects.exclude(snapshot=None).values("snapshot")
    Snapshot.objects.filter(published_at__lt=before).exclude(pk__in=served).delete()
    old = RefreshRun.objects.filter(finished_at__lt=before)
    old.exclude(pk__in=Snapshot.objects.values("run")).delete()
    # A push so old may then be replayed: it begins a run, which finds nothing new.
    WebhookDelivery.objects.filter(received_at__lt=before).delete()
    # Kept a while after a run for asking what happened; the run's own row keeps the summary.
    Lookup.objects.filter(run__finished_at__lt=timezone.now() - timedelta(days=7)).delete()
