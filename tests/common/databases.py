"""Databases of the tests' Postgres besides the test's own, and all that one holds."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import uuid4

import psycopg2
from django.db import connection
from psycopg2.sql import SQL, Identifier

from hub.ops.backup.database import LEFT_OUT
from tests.common.processes import database_url

Row = tuple[object, ...]


@contextmanager
def empty_database() -> Iterator[str]:
    """The URL of a new database without a table."""
    name = f"hub_tests_{uuid4().hex}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        yield database_url().rpartition("/")[0] + f"/{name}"
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def everything(url: str = "") -> dict[str, list[Row]]:
    """Every row of every table, sorted; by default of the test's own database.

    Without sessions, which no backup holds, and without the mark by which beat reads its schedule
    anew, which each restore sets.
    """
    with closing(psycopg2.connect(url or database_url())) as there, there.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        found = {}
        for table in tables:
            if table in {*LEFT_OUT, "django_celery_beat_periodictasks"}:
                continue
            cursor.execute(SQL("SELECT t::text FROM {} t").format(Identifier(table)))
            found[table] = sorted(cursor.fetchall())
        return found
