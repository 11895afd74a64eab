"""The hub's tables as they are in Postgres, after any migration; rows out and in."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from psycopg2.sql import SQL, Composed, Identifier

LEFT_OUT = {"django_session"}  # a session is as good as a password; people sign in again

# As pg_dump: values as text do not depend on settings, and the transaction may take long.
_SETTINGS = {
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "extra_float_digits": "3",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}


@contextmanager
def one_transaction(isolation: str) -> Iterator[None]:
    """A transaction of its own, at an isolation level."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
            for name, value in _SETTINGS.items():
                cursor.execute(f"SET LOCAL {name} = '{value}'")
        yield


def tables() -> dict[str, list[str]]:
    """The columns of each table that is the hub's: its apps' and Django's own."""
    ours = ("django_", *(f"{config.label}_" for config in apps.get_app_configs()))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, array_agg(attname::text ORDER BY attnum) "
            "FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid "
            "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace "
            "AND attnum > 0 AND NOT attisdropped AND attgenerated = '' "
            "GROUP BY relname ORDER BY relname"
        )
        return {table: columns for table, columns in cursor.fetchall() if table.startswith(ours)}


def run_statement(statement: str, tables: Iterable[str]) -> None:
    """Run a statement on a list of tables; a new database has none."""
    listed = _listed(tables)
    if listed.seq:
        with connection.cursor() as cursor:
            cursor.execute(SQL(statement).format(listed))


def count(table: str) -> int:
    """How many rows a table has."""
    return int(_value("SELECT count(*) FROM {}", table))


def copy_out(table: str, columns: Iterable[str], file: Any) -> int:
    """Write the rows of a table to `file.write`, a line each; return their number."""
    return _copy("COPY {} ({}) TO STDOUT", table, columns, file)


def copy_in(table: str, columns: Iterable[str], file: Any) -> None:
    """Add the rows that `copy_out` wrote, from `file.read`."""
    _copy("COPY {} ({}) FROM STDIN", table, columns, file)


def next_numbers(names: Iterable[str]) -> dict[str, int]:
    """The next number of each sequence, by `table.column`."""
    return {
        column: int(_value("SELECT last_value + is_called::int FROM {}", sequence))
        for column, sequence in _sequences(names)
    }


def set_next_numbers(names: Iterable[str], numbers: Mapping[str, int]) -> None:
    """Continue the sequences with these numbers."""
    for column, sequence in _sequences(names):
        if column in numbers:
            with connection.cursor() as cursor:
                name = connection.ops.quote_name(sequence)
                cursor.execute("SELECT setval(%s, %s, false)", [name, numbers[column]])


def _sequences(names: Iterable[str]) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        return [
            (f"{table}.{sequence['column']}", sequence["name"])
            for table in names
            for sequence in connection.introspection.get_sequences(cursor, table)
        ]


def check_constraints_immediately() -> None:
    """Check the foreign keys now and after each later statement.

    A table with a deferred check pending cannot be altered.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def server_version() -> str:
    """Postgres' version."""
    return str(_value("SHOW server_version"))


def _value(query: str, *names: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(SQL(query).format(*map(Identifier, names)))
        return cursor.fetchone()[0]


def _copy(statement: str, table: str, columns: Iterable[str], file: Any) -> int:
    with connection.cursor() as cursor:
        cursor.copy_expert(SQL(statement).format(Identifier(table), _listed(columns)), file)
        return int(cursor.rowcount)


def _listed(names: Iterable[str]) -> Composed:
    return SQL(", ").join(map(Identifier, names))
