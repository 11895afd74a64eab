"""Beat's scheduler: django-celery-beat's, which tolerates a clock that is set back.

A clock may be ahead until a time server corrects it; beat would then wait for the times it noted.
"""

import time
from datetime import datetime
from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry


class ClockTolerantEntry(ModelEntry):
    """An entry of the schedule that was never sent in the future."""

    last_run_at: datetime

    def is_due(self) -> Any:
        """Whether to send it now, and the seconds until the next look."""
        self.last_run_at = min(self.last_run_at, self._default_now())
        return super().is_due()


class ClockTolerantScheduler(DatabaseScheduler):
    """Plans anew when the clock was set back."""

    Entry = ClockTolerantEntry
    _last_tick = 0.0

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; the seconds until the next look."""
        now = time.time()
        if now < self._last_tick:
            self._heap = None
        self._last_tick = now
        seconds: float = super().tick(*args, **kwargs)
        return seconds
