"""The schedule: rows of django-celery-beat, created once and then the admin's.

Settings own no entry: those would overwrite an admin's edit at every start of beat.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models.signals import post_migrate
from django.dispatch import receiver
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

REFRESH_TASK = "tasks.refresh.start_scheduled_run"
FACTS_TASK = "tasks.facts.start_scheduled_run"
WATCH_TASK = "tasks.refresh.watch_runs"
_WATCH_EVERY = timedelta(seconds=60)
# Stars and releases of a day ago are new enough, and a day's requests are mostly 304: free.
_FACTS_EVERY = timedelta(days=1)


@receiver(post_migrate)
def create_schedule(sender: Any, **_: Any) -> None:
    """After the migrations: add the entries that are missing, touch none that is there."""
    if sender.name != "django_celery_beat":
        return
    _create(
        "Refresh contents",
        REFRESH_TASK,
        settings.REFRESH_INTERVAL,
        "Lists the repository and looks up the directories that changed.",
    )
    _create(
        "Refresh facts of repositories",
        FACTS_TASK,
        _FACTS_EVERY,
        "Asks for stars, README and releases of each exporter's repository.",
    )
    _create(
        "Watch runs",
        WATCH_TASK,
        _WATCH_EVERY,
        "Closes runs past their deadline and sends lost tasks again.",
    )


def _create(name: str, task: str, every: timedelta, description: str) -> None:
    if PeriodicTask.objects.filter(task=task).exists():
        return
    seconds = int(every.total_seconds())
    period, length = (
        (IntervalSchedule.MINUTES, seconds // 60)
        if seconds % 60 == 0
        else (IntervalSchedule.SECONDS, seconds)
    )
    interval, _ = IntervalSchedule.objects.get_or_create(every=length, period=period)
    PeriodicTask.objects.create(
        name=name,
        task=task,
        interval=interval,
        description=description,
        # A tick that no worker took before the next one is due is dropped, so that missed ticks
        # do not pile up. (django-celery-beat 2.9 heeds this column only, not options.expires.)
        expire_seconds=seconds,
    )


def _refresh_entry() -> PeriodicTask | None:
    entry: PeriodicTask | None = (
        PeriodicTask.objects.filter(task=REFRESH_TASK, enabled=True)
        .select_related("interval", "crontab", "solar", "clocked")
        .first()
    )
    return entry


def time_to_next(since: datetime) -> timedelta:
    """How long after a tick at `since` the schedule asks for the next refresh."""
    entry = _refresh_entry()
    if entry is None:
        return settings.REFRESH_INTERVAL
    return _remaining(entry, since)


def _remaining(entry: PeriodicTask, since: datetime) -> timedelta:
    remaining: timedelta = entry.schedule.remaining_estimate(since)
    return max(remaining, timedelta(0))


def next_tick() -> datetime | None:
    """When beat is due to refresh next; None while the entry is disabled or gone."""
    entry = _refresh_entry()
    if entry is None:
        return None
    return timezone.now() + _remaining(entry, entry.last_run_at or entry.date_changed)


def late_by(now: datetime) -> timedelta:
    """How long ago the watch was last sent by beat, as far as Postgres knows."""
    entry = PeriodicTask.objects.filter(task=WATCH_TASK, enabled=True).first()
    return now - (entry.last_run_at or entry.date_changed) if entry else timedelta(0)
