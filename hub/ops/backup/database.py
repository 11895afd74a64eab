"""Read and write the hub's tables in Postgres without the models, which may be newer."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from psycopg2.sql import SQL, Composed, Identifier

EXCLUDED_TABLES = {"django_session"}  # a session key grants access like a password

# As in pg_dump: text values do not depend on the server's settings, and there is no timeout.
_SETTINGS = {
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "extra_float_digits": "3",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}


@contextmanager
def one_transaction(isolation: str) -> Iterator[None]:
    """Open an outermost transaction with an isolation level and the settings for `COPY`."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
            for name, value in _SETTINGS.items():
                cursor.execute(f"SET LOCAL {name} = '{value}'")
        yield


def tables() -> dict[str, list[str]]:
    """Return the columns of each table of the hub's apps and of Django."""
    prefixes = ("django_", *(f"{config.label}_" for config in apps.get_app_configs()))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, array_agg(attname::text ORDER BY attnum) "
            "FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid "
            "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace "
            "AND attnum > 0 AND NOT attisdropped AND attgenerated = '' "
            "GROUP BY relname ORDER BY relname"
        )
        return {table: names for table, names in cursor.fetchall() if table.startswith(prefixes)}


def run_statement(statement: str, tables: Iterable[str]) -> None:
    """Run a statement with `tables` in place of `{}`; do nothing if there are none."""
    names = _comma_separated(tables)
    if names.seq:
        with connection.cursor() as cursor:
            cursor.execute(SQL(statement).format(names))


def count(table: str) -> int:
    """Return the number of rows of a table."""
    return int(_value("SELECT count(*) FROM {}", table))


def copy_out(table: str, columns: Iterable[str], file: Any) -> int:
    """Write the rows of a table to `file.write`, one line per row; return their number."""
    return _copy("COPY {} ({}) TO STDOUT", table, columns, file)


def copy_in(table: str, columns: Iterable[str], file: Any) -> None:
    """Insert rows that `copy_out` wrote; they come from `file.read`."""
    _copy("COPY {} ({}) FROM STDIN", table, columns, file)


def next_sequence_values(names: Iterable[str]) -> dict[str, int]:
    """Return the next value of each sequence of the tables, by `table.column`."""
    return {
        column: int(_value("SELECT last_value + is_called::int FROM {}", sequence))
        for column, sequence in _sequences(names)
    }


def set_next_sequence_values(names: Iterable[str], values: Mapping[str, int]) -> None:
    """Set the next value of each sequence of the tables; `values` is by `table.column`."""
    for column, sequence in _sequences(names):
        if column in values:
            with connection.cursor() as cursor:
                name = connection.ops.quote_name(sequence)
                cursor.execute("SELECT setval(%s, %s, false)", [name, values[column]])


def _sequences(names: Iterable[str]) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        return [
            (f"{table}.{sequence['column']}", sequence["name"])
            for table in names
            for sequence in connection.introspection.get_sequences(cursor, table)
        ]


def check_constraints_immediately() -> None:
    """Check foreign keys at once: Postgres cannot alter a table with pending deferred checks."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def server_version() -> str:
    return str(_value("SHOW server_version"))


def _value(query: str, *names: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(SQL(query).format(*map(Identifier, names)))
        return cursor.fetchone()[0]


def _copy(statement: str, table: str, columns: Iterable[str], file: Any) -> int:
    with connection.cursor() as cursor:
        names = _comma_separated(columns)
        cursor.copy_expert(SQL(statement).format(Identifier(table), names), file)
        return int(cursor.rowcount)


def _comma_separated(names: Iterable[str]) -> Composed:
    return SQL(", ").join(map(Identifier, names))
