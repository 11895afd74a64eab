"""The schedule: rows of django-celery-beat, created once and then the admin's.

Settings own no entry: those would overwrite an admin's edit at every start of beat.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.signals import post_migrate
from django.dispatch import receiver
from django_celery_beat.models import IntervalSchedule, PeriodicTask

REFRESH_TASK = "tasks.refresh.start_scheduled_refresh"
FACTS_TASK = "tasks.facts.start_scheduled_facts_run"
HOUSEKEEPING_TASK = "tasks.housekeeping.housekeeping"
_ENTRIES = [
    (
        REFRESH_TASK,
        "Refresh contents",
        settings.REFRESH_INTERVAL,
        "Lists the repository and looks up the directories that changed.",
    ),
    (
        FACTS_TASK,
        "Refresh facts of repositories",
        # Stars and releases of a day ago are new enough, and a day's requests are mostly 304: free.
        timedelta(days=1),
        "Asks for stars, README and releases of each exporter's repository.",
    ),
    (
        HOUSEKEEPING_TASK,
        "Housekeeping",
        timedelta(minutes=1),
        "Closes overdue runs, sends lost tasks again, deletes old rows.",
    ),
]

# beat writes the times of its ticks to Postgres every three minutes only.
LATE = timedelta(minutes=6)


@receiver(post_migrate)
def create_schedule(sender: Any, **_: Any) -> None:
    """After the migrations: add the entries that are missing, touch none that is there."""
    if sender.name != "django_celery_beat":
        return
    for task, name, every, description in _ENTRIES:
        if PeriodicTask.objects.filter(task=task).exists():
            continue
        minutes = every // timedelta(minutes=1)
        interval, _ = IntervalSchedule.objects.get_or_create(every=minutes, period="minutes")
        PeriodicTask.objects.create(
            name=name,
            task=task,
            interval=interval,
            description=description,
            # A tick that no worker took before the next one is due is dropped, so that missed ticks
            # do not pile up. (django-celery-beat 2.9 heeds this column only, not options.expires.)
            expire_seconds=minutes * 60,
        )


@dataclass(frozen=True)
class ScheduleStatus:
    """What the schedule promises, and whether beat keeps it."""

    next_tick: datetime | None  # None: the refresh is disabled or gone
    late_by: timedelta  # since beat last sent housekeeping, as far as Postgres knows

    @property
    def beat_is_late(self) -> bool:
        """Whether beat seems to be gone."""
        return self.late_by > LATE


def schedule_status(now: datetime) -> ScheduleStatus:
    """The schedule at `now`, with one query."""
    enabled = _enabled(REFRESH_TASK, HOUSEKEEPING_TASK).order_by("-pk")
    entries = {entry.task: entry for entry in enabled}
    refresh, housekeeping = entries.get(REFRESH_TASK), entries.get(HOUSEKEEPING_TASK)
    return ScheduleStatus(
        now + _remaining(refresh, _last_sent(refresh)) if refresh else None,
        now - _last_sent(housekeeping) if housekeeping else timedelta(0),
    )


def time_to_next(since: datetime) -> timedelta:
    """How long after a tick at `since` the schedule asks for the next refresh."""
    entry = _enabled(REFRESH_TASK).first()
    return _remaining(entry, since) if entry else settings.REFRESH_INTERVAL


def _enabled(*tasks: str) -> QuerySet[PeriodicTask]:
    entries: QuerySet[PeriodicTask] = PeriodicTask.objects.filter(task__in=tasks, enabled=True)
    return entries.select_related("interval", "crontab", "solar", "clocked")


def _remaining(entry: PeriodicTask, since: datetime) -> timedelta:
    remaining: timedelta = entry.schedule.remaining_estimate(since)
    return max(remaining, timedelta(0))


def _last_sent(entry: PeriodicTask) -> datetime:
    sent: datetime = entry.last_run_at or entry.date_changed
    return sent
