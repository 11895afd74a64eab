"""The schedule, as rows of django-celery-beat that are created once and edited in the admin.

It is not in the settings: beat would overwrite an admin's changes with them on each start.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.signals import post_migrate
from django.dispatch import receiver
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from hub import clock

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
        # Stars and releases may be a day old; most responses are 304, which cost no quota.
        timedelta(days=1),
        "Asks for stars, README and releases of each exporter's repository.",
    ),
    (
        HOUSEKEEPING_TASK,
        "Housekeeping",
        # A run that lost its messages is found after 30 s, and published within a minute.
        timedelta(seconds=15),
        "Closes overdue runs, sends lost tasks again, deletes old rows.",
    ),
]

# Eight times the interval of housekeeping: beat restarts within less.
LATE = timedelta(minutes=2)


@receiver(post_migrate)
def create_schedule(sender: Any, **_: Any) -> None:
    """Add missing entries after migrations; never change existing ones."""
    if sender.name != "django_celery_beat":
        return
    for task, name, every, description in _ENTRIES:
        if PeriodicTask.objects.filter(task=task).exists():
            continue
        seconds = int(every.total_seconds())
        minutes, remainder = divmod(seconds, 60)
        interval, _ = IntervalSchedule.objects.get_or_create(
            every=seconds if remainder else minutes, period="seconds" if remainder else "minutes"
        )
        PeriodicTask.objects.create(
            name=name,
            task=task,
            interval=interval,
            description=description,
            # A message expires when the next one is due, so that they do not pile up without a
            # worker. (django-celery-beat 2.9 uses only this column, not `options.expires`.)
            expire_seconds=seconds,
        )


@dataclass(frozen=True)
class ScheduleStatus:
    """When the next refresh is due, and how late beat is."""

    next_tick: datetime | None  # None: the refresh is disabled or deleted
    late_by: timedelta  # since beat last sent housekeeping, according to Postgres

    @property
    def beat_is_late(self) -> bool:
        """Whether beat does not seem to be running."""
        return self.late_by > LATE


def schedule_status(now: datetime) -> ScheduleStatus:
    """Return the status of the schedule at `now`, with one query."""
    enabled = _enabled(REFRESH_TASK, HOUSEKEEPING_TASK).order_by("-pk")
    entries = {entry.task: entry for entry in enabled}
    refresh, housekeeping = entries.get(REFRESH_TASK), entries.get(HOUSEKEEPING_TASK)
    return ScheduleStatus(
        now + _remaining(refresh, _last_sent(refresh)) if refresh else None,
        now - _last_sent(housekeeping) if housekeeping else timedelta(0),
    )


def time_to_next(since: datetime) -> timedelta:
    """Return the time from a refresh at `since` to the next scheduled one."""
    entry = _enabled(REFRESH_TASK).first()
    return _remaining(entry, since) if entry else settings.REFRESH_INTERVAL


def _enabled(*tasks: str) -> QuerySet[PeriodicTask]:
    entries: QuerySet[PeriodicTask] = PeriodicTask.objects.filter(task__in=tasks, enabled=True)
    return entries.select_related("interval", "crontab", "solar", "clocked")


def _remaining(entry: PeriodicTask, since: datetime) -> timedelta:
    schedule = entry.schedule
    schedule.nowfun = clock.now
    remaining: timedelta = schedule.remaining_estimate(since)
    return max(remaining, timedelta(0))


def _last_sent(entry: PeriodicTask) -> datetime:
    sent: datetime = entry.last_run_at or entry.date_changed
    return min(sent, clock.now())  # the clock may have been ahead
