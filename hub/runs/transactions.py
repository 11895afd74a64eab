"""Transactions that hold a lock which others wait for."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction

# Such a transaction is a few statements: a process that is silent for so long is frozen or gone.
_LONGEST_SILENCE = timedelta(seconds=30)


@contextmanager
def short_transaction() -> Iterator[None]:
    """A transaction that Postgres itself rolls back when its process is silent for too long.

    A frozen worker's locks must not keep housekeeping from closing a run.
    """
    milliseconds = int(min(_LONGEST_SILENCE, settings.RUN_DEADLINE).total_seconds() * 1000)
    statement = "SELECT set_config('idle_in_transaction_session_timeout', %s, true)"
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement, [str(milliseconds)])
        yield
