"""The hub's clock: the time of the Postgres server.

The clocks of the machines may differ. Each process asks Postgres for the time when it connects, at
least every minute (`CONN_MAX_AGE`), and corrects its own clock. If all clocks were ahead and are
corrected, times in Postgres are in the future: nothing may wait until they have passed.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver
from django.utils import timezone

# Smaller differences come from the measurement. A later time than this was stored by a wrong clock.
TOLERANCE = timedelta(seconds=2)
_correction = timedelta(0)


def now() -> datetime:
    """Return the current time of the Postgres server."""
    return timezone.now() + _correction


def is_ahead(time: datetime | None) -> bool:
    """Return whether a time of the past is in the future, because the clock was ahead."""
    return time is not None and time > now() + TOLERANCE


@receiver(connection_created)
def _measure(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Measure how far the clock of this process is from the server's."""
    global _correction
    with connection.cursor() as cursor:
        before = timezone.now()
        cursor.execute("SELECT clock_timestamp()")
        (server,) = cursor.fetchone()
    after = timezone.now()
    agrees = before - TOLERANCE < server < after + TOLERANCE
    _correction = timedelta(0) if agrees else server - after
