"""Transactions that hold a lock which others wait for."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction

# Nothing but a few statements happens in such a transaction, so its process never says nothing for
# so long, unless it is frozen or its machine is gone without a word.
_LONGEST_SILENCE = timedelta(seconds=30)


@contextmanager
def short_transaction(silence: timedelta = _LONGEST_SILENCE) -> Iterator[None]:
    """A transaction that Postgres itself ends when its process says nothing for `silence`.

    Its locks are free again then: a frozen worker must not keep the watch from closing a run. What
    it had written is undone, and once it thaws it finds its session closed.
    """
    milliseconds = int(min(silence, settings.RUN_DEADLINE).total_seconds() * 1000)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('idle_in_transaction_session_timeout', %s, true)",
                [str(milliseconds)],
            )
        yield
