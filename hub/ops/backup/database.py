"""The hub's tables as Postgres has them, whatever migrations they are at; rows out and in."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from psycopg2.sql import SQL, Composed, Identifier

# Rows that are nobody's data: sessions are as good as a password while they last, so they stay out
# of files; people sign in again.
LEFT_OUT = {"django_session"}

# The same text of every value, whatever the server's or the role's settings are, and no end of the
# transaction because it takes long (as pg_dump does).
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


def lock(names: Iterable[str], mode: str) -> None:
    """Lock the tables for the transaction."""
    _run(f"LOCK TABLE {{}} IN {mode} MODE", names)


def drop(names: Iterable[str]) -> None:
    """Drop the tables; what is not the hub's and depends on them is in the way."""
    _run("DROP TABLE {}", names)


def empty(names: Iterable[str]) -> None:
    """Delete all rows of the tables."""
    _run("TRUNCATE {}", names)


def count(table: str) -> int:
    """How many rows a table has."""
    return int(_value("SELECT count(*) FROM {}", table))


def copy_out(table: str, columns: Iterable[str], file: Any) -> None:
    """Write the rows of a table to `file.write`, a line each."""
    _copy("COPY {} ({}) TO STDOUT", table, columns, file)


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
    """Let the sequences go on with these numbers."""
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


def check_constraints_at_once() -> None:
    """Check the foreign keys now, and from here on after each statement.

    Else the check would wait for the end, and no table with such a check waiting can be altered.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def server_version() -> str:
    """Postgres' version, as it names it."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return str(cursor.fetchone()[0])


def _run(statement: str, names: Iterable[str]) -> None:
    listed = _listed(names)
    if listed.seq:  # a new database has none
        with connection.cursor() as cursor:
            cursor.execute(SQL(statement).format(listed))


def _value(query: str, name: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(SQL(query).format(Identifier(name)))
        return cursor.fetchone()[0]


def _copy(statement: str, table: str, columns: Iterable[str], file: Any) -> None:
    with connection.cursor() as cursor:
        composed = SQL(statement).format(Identifier(table), _listed(columns))
        cursor.copy_expert(composed, file)


def _listed(names: Iterable[str]) -> Composed:
    return SQL(", ").join(map(Identifier, names))
