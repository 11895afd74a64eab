"""Transactions that hold locks which other processes wait for."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction

# Such a transaction has only a few statements: a process that is idle for longer is frozen or dead.
_MAX_IDLE = timedelta(seconds=30)


@contextmanager
def short_transaction() -> Iterator[None]:
    """Run a transaction that Postgres rolls back if the process is idle for too long."""
    # Otherwise the locks of a frozen worker would keep housekeeping from closing its run.
    milliseconds = int(min(_MAX_IDLE, settings.RUN_DEADLINE).total_seconds() * 1000)
    statement = "SELECT set_config('idle_in_transaction_session_timeout', %s, true)"
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement, [str(milliseconds)])
        yield
