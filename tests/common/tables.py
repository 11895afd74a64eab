"""Copy all rows of the database, and restore them quickly after or before a test.

Django's `flush`, between tests that commit, truncates all tables and creates content types,
permissions and the schedule again. Most tests fill few tables, so deleting rows is faster.
"""

from io import BytesIO
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from psycopg2.errors import DeadlockDetected
from psycopg2.sql import SQL, Identifier, Literal

_TRIES = 5
_migrated: list[dict[str, bytes]] = []


def copy_out() -> dict[str, bytes]:
    """Return all rows by table, without empty tables."""
    copy = {}
    with transaction.atomic(), connection.cursor() as cursor:
        for table in _filled(cursor):
            rows = BytesIO()
            cursor.copy_expert(_copy(table, "TO STDOUT"), rows)
            copy[table] = rows.getvalue()
    return copy


def restore(copy: dict[str, bytes]) -> None:
    """Replace all rows, in any order: foreign keys are checked at the commit.

    Sequences stay as they are, because workers remember ids. A worker's transaction that locked the
    tables in another order ends in a deadlock, so it is tried again.
    """
    for attempt in range(_TRIES):
        try:
            _replace_rows(copy)
            break
        except OperationalError as error:
            if attempt == _TRIES - 1 or not isinstance(error.__cause__, DeadlockDetected):
                raise
    ContentType.objects.clear_cache()


@transaction.atomic
def _replace_rows(copy: dict[str, bytes]) -> None:
    with connection.cursor() as cursor:
        names = SQL(", ").join(map(Identifier, _names()))
        # Wait for transactions that still write, as `TRUNCATE` does.
        cursor.execute(SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(names))
        for table in _filled(cursor):
            cursor.execute(SQL("DELETE FROM {}").format(Identifier(table)))
        for table, rows in copy.items():
            cursor.copy_expert(_copy(table, "FROM STDIN"), BytesIO(rows))


def flush(_test_case: Any = None) -> None:
    """Restore the rows of a migrated database."""
    if not _migrated:
        # With sequences that start again, new rows would get the ids of restored ones.
        call_command("flush", verbosity=0, interactive=False, reset_sequences=False)
        _migrated.append(copy_out())
    else:
        restore(_migrated[0])
        PeriodicTask.objects.update(date_changed=timezone.now())  # beat is not late yet


def _names() -> list[str]:
    return connection.introspection.django_table_names(only_existing=True, include_views=False)


def _filled(cursor: Any) -> list[str]:
    query = SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
    queries = [query.format(Literal(name), Identifier(name)) for name in _names()]
    cursor.execute(SQL(" UNION ALL ").join(queries))
    return [name for (name,) in cursor.fetchall()]


def _copy(table: str, direction: str) -> Any:
    return SQL("COPY {} " + direction + " (FORMAT binary)").format(Identifier(table))
