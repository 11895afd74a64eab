"""Celery beat scheduler that tolerates a second beat, a clock that is set back, and no Postgres.

Two beats would send each task twice, for example while a deployment replaces one by the other:
django-celery-beat saves the time of a tick up to three minutes later. Here, the beat that sends a
task stores the time first, and the others notice that the time that they know is outdated.

A clock can be ahead until NTP corrects it. Beat would then wait for the times that it stored.

Beat may start before Postgres, or before the migration. Without this scheduler it would exit with
hundreds of lines of tracebacks.
"""

import logging
import time
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError, Error, InterfaceError, close_old_connections
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry
from prometheus_client import Counter

from hub.clock import TOLERANCE

logger = logging.getLogger(__name__)

_MAX_PAUSE = 30.0  # seconds until the schedule is read again
_SENT = Counter(
    "exporterhub_scheduled_tasks_sent", "Tasks that this beat has sent on schedule.", ["task"]
)


class HubScheduleEntry(ModelEntry):
    """A schedule entry that is due at once if its last run is in the future.

    `stored_run_at` is the time of the last run as it was read from Postgres, or stored there.
    """

    last_run_at: datetime

    def __init__(self, model: PeriodicTask, app: Any = None) -> None:
        self.stored_run_at = model.last_run_at  # super() replaces None
        super().__init__(model, app=app)

    def is_due(self) -> Any:
        """Return whether the task is due, and the seconds until the next check."""
        if self.last_run_at > self._default_now() + TOLERANCE:
            self.last_run_at = datetime.fromtimestamp(0, UTC)  # when it really ran is not known
        return super().is_due()


class HubScheduler(DatabaseScheduler):
    """Database scheduler that sends a task only if no other beat has sent it for this tick.

    It rebuilds its queue when the clock was set back, and waits until Postgres has the schedule.
    """

    Entry = HubScheduleEntry
    _last_tick = 0.0
    _pause = 0.0  # seconds; 0 if the schedule was read

    def setup_schedule(self) -> None:
        """Read nothing yet: `tick` does, and tries again. Migrations create the schedule."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send the tasks that are due and return the seconds until the next check."""
        now = time.time()
        if now < self._last_tick:
            self._heap = None
        self._last_tick = now
        try:
            seconds: float = super().tick(*args, **kwargs)
        except Error as error:
            return self._pause_after(error)
        self._pause = 0.0
        return seconds

    def _pause_after(self, error: Error) -> float:
        """Have the schedule read again, and return the seconds until then."""
        close_old_connections()  # the error may be a broken connection
        self._initial_read, self._heap = True, None
        self._pause = min(max(2 * self._pause, 1.0), _MAX_PAUSE)
        first_line = str(error).partition("\n")[0]
        logger.warning(
            "Cannot read the schedule, trying again in %.0f s: %s", self._pause, first_line
        )
        return self._pause

    def apply_entry(self, entry: HubScheduleEntry, producer: Any = None) -> None:
        """Send the task of an entry, unless another beat has stored a later run of it."""
        if self._claim(entry):
            super().apply_entry(entry, producer=producer)
            return
        logger.info("Another beat has sent %s: reading the schedule again", entry.task)
        self._initial_read = True  # the next access to `schedule` reads it from Postgres
        self._heap = None

    def apply_async(self, entry: HubScheduleEntry, **options: Any) -> Any:
        """Send the task of an entry, and count it."""
        result = super().apply_async(entry, **options)
        _SENT.labels(entry.task).inc()
        return result

    def _claim(self, entry: HubScheduleEntry) -> bool:
        """Store the time of this run. Return False if the stored time is not the one known here."""
        # `sync` would write the same later, or replace the time of another beat.
        self._dirty.discard(entry.name)
        model = entry.model
        known = PeriodicTask.objects.filter(pk=model.pk, last_run_at=entry.stored_run_at)
        try:
            return bool(
                known.update(last_run_at=model.last_run_at, total_run_count=model.total_run_count)
            )
        except (DatabaseError, InterfaceError):
            # A run may start twice, which joins the open one; a tick that is left out is lost.
            logger.warning("Postgres is not reachable: %s is sent without a claim", entry.task)
            return True
