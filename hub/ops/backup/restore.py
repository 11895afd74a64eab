"""Restore a backup in one transaction."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django_celery_beat.models import PeriodicTasks
from psycopg2.errors import DeadlockDetected, LockNotAvailable
from tqdm.utils import CallbackIOWrapper

from hub.github.source import configured_source
from hub.models import GitHubToken, ServedContents
from hub.ops.backup import database
from hub.ops.backup.archive import Archive, UnusableBackup

_LOCK_TIMEOUT = 30  # seconds


class RestoreError(Exception):
    """The backup was not restored and nothing was changed. The message says what to do."""


@dataclass(frozen=True)
class Restored:
    """The result of a restore."""

    rows: int
    skipped_tokens: int
    other_sources: list[str]  # sources in the backup, if the configured source is not among them


def restore_backup(
    archive: Archive, *, overwrite: bool, without_tokens: bool, progress: Callable[[int], object]
) -> Restored:
    """Replace the database's contents with the backup's, and apply the newer migrations.

    `progress` is called with numbers of bytes; each byte counts twice, once when it is checked and
    once when it is restored. `overwrite`: replace existing data. `without_tokens`: skip tokens that
    this hub's keys cannot decrypt. Raises `UnusableBackup` or `RestoreError`.
    """
    _check_version(archive)
    _check_unused()
    archive.check(progress)
    unreadable = list(_unreadable_tokens(archive))
    if unreadable and not without_tokens:
        raise RestoreError(
            f"This hub's keys cannot decrypt {len(unreadable)} of the GitHub tokens in the backup. "
            "Set SECRET_KEY and FIELD_ENCRYPTION_KEY to the values of the hub that made it (`make "
            "run` stores them in data/hub.env), or skip these tokens with --without-tokens and add "
            "new ones in the admin. Nothing was changed."
        )
    try:
        with database.one_transaction("READ COMMITTED"):
            tables = database.tables()
            _lock(tables)
            if not overwrite:
                _check_empty(tables)
            rebuild(archive, progress)
            ContentType.objects.clear_cache()
            call_command("migrate", interactive=False, verbosity=0)
            PeriodicTasks.update_changed()  # a running beat reloads its schedule
            GitHubToken.objects.filter(pk__in=unreadable).delete()
    except DatabaseError as error:
        raise RestoreError(
            f"Postgres reported an error: {str(error).strip()}\nNothing was changed."
        ) from error
    sources = set(ServedContents.objects.exclude(snapshot=None).values_list("source", flat=True))
    return Restored(
        rows=sum(table.rows for table in archive.manifest.tables.values()),
        skipped_tokens=len(unreadable),
        other_sources=[] if configured_source().key in sources else sorted(sources),
    )


def _check_version(archive: Archive) -> None:
    known = MigrationLoader(None).disk_migrations or {}
    unknown = [key for key in archive.manifest.migrations if key not in known]
    if unknown:
        raise UnusableBackup(
            "The backup was made by a newer hub: this hub does not have the migration "
            f"{'.'.join(unknown[0])}. Restore it with that version or a newer one. "
            "Nothing was changed."
        )


def _check_unused() -> None:
    """Raise `RestoreError` if processes of a hub are connected, even if they are idle."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = %s AND pid <> pg_backend_pid()",
            [settings.DATABASES["default"]["OPTIONS"]["application_name"]],
        )
        ((connections,),) = cursor.fetchall()
    if connections:
        raise _in_use(f"{connections} other connections of a hub")


def _in_use(why: str) -> RestoreError:
    return RestoreError(
        f"The database is in use ({why}). Stop the hub (web, worker, beat, Flower) and try again. "
        "Nothing was changed."
    )


def _unreadable_tokens(archive: Archive) -> Iterator[int]:
    """Yield ids of tokens that this hub's keys cannot decrypt: the field leaves them unchanged."""
    name = GitHubToken._meta.db_table
    table = archive.manifest.tables.get(name)
    if table is None:
        return
    field: Any = GitHubToken._meta.get_field("secret")
    with archive.open(name) as rows:
        for row in rows:
            # COPY escapes tabs and line breaks in values.
            values = dict(zip(table.columns, row.decode().rstrip("\n").split("\t"), strict=True))
            if field.to_python(values["secret"]) == values["secret"]:
                yield int(values["id"])


def _lock(tables: Iterable[str]) -> None:
    """Lock the tables against all other connections until the transaction ends."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}s'")
        database.run_statement("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables)
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
            raise
        raise _in_use("tables are locked") from error


def _check_empty(tables: Iterable[str]) -> None:
    users = get_user_model()._meta.db_table  # migrations fill the other tables
    names = [table for table in tables if table.startswith("hub_") or table == users]
    rows = Counter({table: database.count(table) for table in names})
    if rows.total():
        largest = ", ".join(f"{table}: {n} rows" for table, n in rows.most_common(3) if n)
        raise RestoreError(
            f"The database is not empty ({largest}). Back it up first, then pass --force to "
            "replace all data. Nothing was changed."
        )


def rebuild(archive: Archive, progress: Callable[[int], object]) -> None:
    """Replace the hub's tables with the backup's. Call this in a transaction."""
    tables = database.tables()
    # Do not reuse the ids of newer runs: messages for these runs may still be in the queue.
    used = database.next_sequence_values(tables)
    database.run_statement("DROP TABLE {}", tables)
    _migrate_to(archive.manifest.migrations)
    _fill(archive, progress)
    values = {key: max(n, used.get(key, n)) for key, n in archive.manifest.sequences.items()}
    database.set_next_sequence_values(database.tables(), values)


def _migrate_to(migrations: list[tuple[str, str]]) -> None:
    """Migrate each app to the last of its `migrations`."""
    executor = MigrationExecutor(connection)
    applied, nodes = set(migrations), executor.loader.graph.node_map

    def is_last(migration: tuple[str, str]) -> bool:
        children = {child.key for child in nodes[migration].children}
        return not any(key in applied and key[0] == migration[0] for key in children)

    executor.migrate([key for key in migrations if key in nodes and is_last(key)])


def _fill(archive: Archive, progress: Callable[[int], object]) -> None:
    tables = database.tables()
    database.run_statement("TRUNCATE {}", tables)
    stored = archive.manifest.tables
    backup = {table: sorted(rows.columns) for table, rows in stored.items()}
    migrated = {table: sorted(tables[table]) for table in tables.keys() - database.EXCLUDED_TABLES}
    names = backup.keys() | migrated.keys()
    if differing := sorted(name for name in names if backup.get(name) != migrated.get(name)):
        raise RestoreError(
            f"The backup's tables differ from what its migrations create ({', '.join(differing)}), "
            "because its database was changed by hand. Nothing was changed. Use another backup."
        )
    for table, expected in stored.items():
        with archive.open(table) as rows:
            database.copy_in(table, expected.columns, CallbackIOWrapper(progress, rows, "read"))
    database.check_constraints_immediately()
