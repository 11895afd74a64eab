"""Additional databases for tests, and the contents of a database."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path
from uuid import uuid4

import psycopg2
from django.core.management import call_command
from django.db import connection
from psycopg2.sql import SQL, Identifier

from hub.ops.backup.database import EXCLUDED_TABLES
from hub.rendering.outdated import any_outdated
from tests.common.processes import database_url
from tests.common.waiting import wait_until

Row = tuple[object, ...]


@contextmanager
def empty_database() -> Iterator[str]:
    """Create an empty database and yield its URL; drop it afterwards."""
    name = f"hub_tests_{uuid4().hex}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        yield database_url().rpartition("/")[0] + f"/{name}"
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def disconnect_workers() -> None:
    """Close the connections of the workers, as if they were stopped, until their next task.

    Wait for the tasks that follow a run, which open new ones.
    """

    def closed() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() "
                "AND datname = current_database() AND application_name = 'exporter-hub'"
            )
            return not cursor.fetchall()

    wait_until(lambda: not any_outdated(), "the rendering to end")
    wait_until(closed, "the connections of the workers to end")


def restore(file: Path, *options: str) -> str:
    """Restore a backup into the test database without the workers. Return the output."""
    disconnect_workers()
    said = StringIO()
    call_command("restore", str(file), *options, stdout=said)
    return said.getvalue()


def everything(url: str = "") -> dict[str, list[Row]]:
    """Return all rows of all tables, sorted; by default of the test database.

    Sessions are excluded, because backups do not include them. So is the timestamp that makes beat
    reload its schedule, because each restore sets it.
    """
    connected = closing(psycopg2.connect(url or database_url()))
    with connected as connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        found = {}
        for table in tables:
            if table in {*EXCLUDED_TABLES, "django_celery_beat_periodictasks"}:
                continue
            cursor.execute(SQL("SELECT t::text FROM {} t").format(Identifier(table)))
            found[table] = sorted(cursor.fetchall())
        return found
