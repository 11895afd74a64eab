"""Celery beat scheduler that tolerates a system clock that is set back.

A clock can be ahead until NTP corrects it. Beat would then wait for the times that it stored.
"""

import time
from datetime import UTC, datetime
from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from hub.clock import TOLERANCE


class ClockTolerantEntry(ModelEntry):
    """A schedule entry that is due at once if its last run is in the future."""

    last_run_at: datetime

    def is_due(self) -> Any:
        """Return whether the task is due, and the seconds until the next check."""
        if self.last_run_at > self._default_now() + TOLERANCE:
            self.last_run_at = datetime.fromtimestamp(0, UTC)  # when it really ran is not known
        return super().is_due()


class ClockTolerantScheduler(DatabaseScheduler):
    """Database scheduler that rebuilds its queue when the clock was set back."""

    Entry = ClockTolerantEntry
    _last_tick = 0.0

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send the tasks that are due and return the seconds until the next check."""
        now = time.time()
        if now < self._last_tick:
            self._heap = None
        self._last_tick = now
        seconds: float = super().tick(*args, **kwargs)
        return seconds
