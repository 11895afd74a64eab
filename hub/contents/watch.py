"""The watch: whatever was killed or lost, every run ends, and history does not pile up."""

import logging
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from hub.contents import dispatch, publish
from hub.models import (
    Lookup,
    RefreshRun,
    RunStatus,
    ServedContents,
    Snapshot,
    WebhookDelivery,
)

logger = logging.getLogger(__name__)

# A queued run whose task no worker took for so long: its message was lost, or Redis was away.
_LOST_AFTER = timedelta(seconds=45)


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
