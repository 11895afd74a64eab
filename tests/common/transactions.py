"""Count the Postgres transactions that write to a table."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection

_BEGIN = """
CREATE TABLE written_by (transaction xid8);
CREATE FUNCTION note_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO written_by VALUES (pg_current_xact_id()); RETURN NULL; END $$;
"""
_WATCH = """
CREATE TRIGGER note_transaction AFTER INSERT OR UPDATE ON {table}
FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION note_transaction();
"""
_END = "DROP FUNCTION note_transaction CASCADE; DROP TABLE written_by;"


@contextmanager
def transactions_that_write(**tables: str) -> Iterator[Callable[[], int]]:
    """Yield a function that returns how many transactions have written to the tables so far.

    `tables`: for each table a condition in SQL on the new row, such as `hub_snapshot="true"`. A
    row's `xmin` is not suitable, because it may belong to a savepoint.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN)
        for table, condition in tables.items():
            cursor.execute(_WATCH.format(table=table, condition=condition))

        def count() -> int:
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(DISTINCT transaction) FROM written_by")
                return int(cursor.fetchone()[0])

        try:
            yield count
        finally:
            cursor.execute(_END)
