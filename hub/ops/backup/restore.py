"""Restore a backup: all of it, in one transaction, or nothing."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

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

_LOCK_WITHIN = 30  # seconds


class NotRestored(Exception):
    """The database is as it was. The text says why and what to do."""


@dataclass(frozen=True)
class Restored:
    """The result."""

    rows: int
    tokens_left_out: int
    other_sources: list[str]  # of the restored maps, when this hub is set to another source


def restore_backup(
    archive: Archive, *, overwrite: bool, without_tokens: bool, done: Callable[[int], object]
) -> Restored:
    """Replace the database's contents with the backup's, migrated to what this hub needs.

    `done` is told each byte twice, when it is checked and when it is restored. `overwrite`: replace
    a filled database. `without_tokens`: leave out tokens that this hub's keys cannot read. Raises
    `UnusableBackup` or `NotRestored`.
    """
    _refuse_newer(archive)
    archive.check(done)
    unreadable = list(_unreadable_tokens(archive))
    if unreadable and not without_tokens:
        raise NotRestored(
            f"This hub's keys cannot read {len(unreadable)} of the GitHub tokens in the backup. "
            "Set SECRET_KEY and FIELD_ENCRYPTION_KEY to those of the hub that made it (`make run` "
            "keeps them in data/hub.env), or leave these tokens out with --without-tokens and add "
            "new ones in the admin. Nothing was changed."
        )
    try:
        with database.one_transaction("READ COMMITTED"):
            tables = database.tables()
            _lock(tables)
            if not overwrite:
                _refuse_filled(tables)
            rebuild(archive, done)
            ContentType.objects.clear_cache()
            call_command("migrate", interactive=False, verbosity=0)
            PeriodicTasks.update_changed()  # a running beat reads its schedule again
            GitHubToken.objects.filter(pk__in=unreadable).delete()
    except DatabaseError as fault:
        raise NotRestored(
            f"Postgres refuses: {str(fault).strip()}\nNothing was changed."
        ) from fault
    sources = set(ServedContents.objects.exclude(snapshot=None).values_list("source", flat=True))
    return Restored(
        rows=sum(table.rows for table in archive.manifest.tables.values()),
        tokens_left_out=len(unreadable),
        other_sources=[] if configured_source().key in sources else sorted(sources),
    )


def _refuse_newer(archive: Archive) -> None:
    known = MigrationLoader(None).disk_migrations or {}
    unknown = [key for key in archive.manifest.migrations if key not in known]
    if unknown:
        raise UnusableBackup(
            "The backup was made by a newer hub: this one has no migration "
            f"{'.'.join(unknown[0])}. Restore it with that version, or a newer one. "
            "Nothing was changed."
        )


def _unreadable_tokens(archive: Archive) -> Iterator[int]:
    """Ids of the tokens that this hub's keys cannot decrypt: the field does not change those."""
    name = GitHubToken._meta.db_table
    table = archive.manifest.tables.get(name)
    if table is None:
        return
    field: Any = GitHubToken._meta.get_field("secret")
    with archive.open(name) as rows:
        for row in rows:
            # COPY escapes tabs and line ends inside columns.
            values = dict(zip(table.columns, row.decode().rstrip("\n").split("\t"), strict=True))
            if field.to_python(values["secret"]) == values["secret"]:
                yield int(values["id"])


def _lock(tables: Iterable[str]) -> None:
    """Lock readers and workers out until the end."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_WITHIN}s'")
        database.run_statement("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables)
    except OperationalError as fault:
        if not isinstance(fault.__cause__, LockNotAvailable | DeadlockDetected):
            raise
        raise NotRestored(
            "The database is in use. Stop the hub (web, worker, beat) and try again. "
            "Nothing was changed."
        ) from fault


def _refuse_filled(tables: Iterable[str]) -> None:
    users = get_user_model()._meta.db_table  # migrations alone fill the other tables
    names = [table for table in tables if table.startswith("hub_") or table == users]
    filled = Counter({table: database.count(table) for table in names})
    if filled.total():
        largest = ", ".join(f"{table}: {n} rows" for table, n in filled.most_common(3) if n)
        raise NotRestored(
            f"The database is not empty ({largest}). Back it up first, then say --force to "
            "replace all of it. Nothing was changed."
        )


def rebuild(archive: Archive, done: Callable[[int], object]) -> None:
    """Recreate the hub's tables as they were when they were backed up. In a transaction."""
    tables = database.tables()
    # Runs that the backup does not know may have pending messages: their numbers are not reused.
    used = database.next_numbers(tables)
    database.run_statement("DROP TABLE {}", tables)
    _migrate_to(archive.manifest.migrations)
    _fill(archive, done)
    numbers = {key: max(n, used.get(key, n)) for key, n in archive.manifest.sequences.items()}
    database.set_next_numbers(database.tables(), numbers)


def _migrate_to(migrations: list[tuple[str, str]]) -> None:
    """Create the tables of each app at the last of its `migrations`."""
    executor = MigrationExecutor(connection)
    given, nodes = set(migrations), executor.loader.graph.node_map

    def is_last(migration: tuple[str, str]) -> bool:
        after = {child.key for child in nodes[migration].children}
        return not any(key in given and key[0] == migration[0] for key in after)

    executor.migrate([key for key in migrations if key in nodes and is_last(key)])


def _fill(archive: Archive, done: Callable[[int], object]) -> None:
    tables = database.tables()
    database.run_statement("TRUNCATE {}", tables)
    stored = archive.manifest.tables
    wanted = {table: sorted(rows.columns) for table, rows in stored.items()}
    made = {table: sorted(tables[table]) for table in tables.keys() - database.LEFT_OUT}
    odd = sorted(table for table in wanted | made if wanted.get(table) != made.get(table))
    if odd:
        raise NotRestored(
            f"The backup's tables are not those that its migrations make ({', '.join(odd)}): its "
            "database had been changed by hand. Nothing was changed."
        )
    for table, expected in stored.items():
        with archive.open(table) as rows:
            database.copy_in(table, expected.columns, CallbackIOWrapper(done, rows, "read"))
    database.check_constraints_immediately()
