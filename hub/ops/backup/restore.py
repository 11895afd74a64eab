"""Restoring a backup: all of it, in one transaction, or nothing."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django_celery_beat.models import PeriodicTasks
from psycopg2.errors import DeadlockDetected, LockNotAvailable

from hub.github.source import configured_source
from hub.models import GitHubToken, ServedContents
from hub.ops.backup import database
from hub.ops.backup.archive import Archive, UnusableBackup

_LOCK_WITHIN = 30  # seconds


class NotRestored(Exception):
    """The database is as it was. The text says why and what to do."""


@dataclass(frozen=True)
class Restored:
    """What came of it."""

    rows: int
    tokens_left_out: int
    other_sources: list[str]  # the sources of the map in it, when this hub is set to another one


def put_back(
    archive: Archive, *, overwrite: bool, without_tokens: bool, done: Callable[[int], object]
) -> Restored:
    """Make the database what the backup holds, migrated to what this hub needs.

    `done` is told of twice `archive.size` bytes: of each when it was checked and when it was
    restored. With `overwrite`, a filled database is replaced. With `without_tokens`, tokens that
    this hub's keys cannot read are left out. Raises `UnusableBackup` before anything is touched, or
    `NotRestored`.
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
    with _refusals(), database.one_transaction("READ COMMITTED"):
        there = database.tables()
        _lock(there)
        _refuse_filled(there, overwrite=overwrite)
        rebuild(archive, done)
        _bring_up_to_date()
        GitHubToken.objects.filter(pk__in=unreadable).delete()
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
    """Ids of the tokens that this hub's keys cannot decrypt: the field leaves those as they are."""
    said = archive.manifest.tables.get(GitHubToken._meta.db_table)
    if said is None:
        return
    field: Any = GitHubToken._meta.get_field("secret")
    with archive.open(GitHubToken._meta.db_table) as rows:
        for row in rows:
            # A column's own tabs and line ends are escaped in COPY's text.
            values = dict(zip(said.columns, row.decode().rstrip("\n").split("\t"), strict=True))
            if field.to_python(values["secret"]) == values["secret"]:
                yield int(values["id"])


def _lock(tables: Iterable[str]) -> None:
    """Keep readers and workers out until the end."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_WITHIN}s'")
        database.lock(tables, "ACCESS EXCLUSIVE")
    except OperationalError as fault:
        if not isinstance(fault.__cause__, LockNotAvailable | DeadlockDetected):
            raise
        raise NotRestored(
            "The database is in use. Stop the hub (web, worker, beat) and try again. "
            "Nothing was changed."
        ) from fault


def _refuse_filled(tables: Iterable[str], *, overwrite: bool) -> None:
    if overwrite:
        return
    filled = {
        table: rows for table in tables if _is_data(table) and (rows := database.count(table))
    }
    if filled:
        largest = sorted(filled, key=filled.__getitem__, reverse=True)[:3]
        raise NotRestored(
            "The database is not empty ("
            + ", ".join(f"{table}: {filled[table]} rows" for table in largest)
            + "). Back it up first, then say --force to replace all of it. Nothing was changed."
        )


def _is_data(table: str) -> bool:
    """Whether a new hub's table has no rows: all others are filled by the migrations alone."""
    return table.startswith("hub_") or table == get_user_model()._meta.db_table


def rebuild(archive: Archive, done: Callable[[int], object]) -> None:
    """Make the hub's tables anew, as they were when they were backed up. In a transaction."""
    there = database.tables()
    # Runs that the backup does not know may have messages on their way: no run gets their number
    # again.
    used = database.next_numbers(there)
    database.drop(there)
    _migrate_to(archive.manifest.migrations)
    _fill(archive, done)
    numbers = {key: max(n, used.get(key, n)) for key, n in archive.manifest.sequences.items()}
    database.set_next_numbers(database.tables(), numbers)


def _migrate_to(migrations: list[tuple[str, str]]) -> None:
    """Make the tables as they were, each app's at the last of its `migrations`."""
    executor = MigrationExecutor(connection)
    given, nodes = set(migrations), executor.loader.graph.node_map

    def is_last(migration: tuple[str, str]) -> bool:
        after = {child.key for child in nodes[migration].children}
        return not any(key in given and key[0] == migration[0] for key in after)

    executor.migrate([key for key in migrations if key in nodes and is_last(key)])


def _fill(archive: Archive, done: Callable[[int], object]) -> None:
    manifest = archive.manifest
    there = database.tables()
    wanted = {table: sorted(said.columns) for table, said in manifest.tables.items()}
    made = {
        table: sorted(columns) for table, columns in there.items() if table not in database.LEFT_OUT
    }
    if wanted != made:
        odd = sorted(table for table in wanted | made if wanted.get(table) != made.get(table))
        raise NotRestored(
            f"The backup's tables are not those that its migrations make ({', '.join(odd)}): its "
            "database had been changed by hand. Nothing was changed."
        )
    database.empty(there)
    for table, said in manifest.tables.items():
        with archive.open(table) as rows:
            database.copy_in(table, said.columns, _Counting(rows, done))
    database.check_constraints_at_once()


def _bring_up_to_date() -> None:
    """Migrate forward, as after an upgrade, and have a running beat read its schedule anew."""
    ContentType.objects.clear_cache()
    call_command("migrate", interactive=False, verbosity=0)
    PeriodicTasks.update_changed()


class _Counting:
    """Hands rows on and tells how many bytes."""

    def __init__(self, file: IO[bytes], done: Callable[[int], object]) -> None:
        self._file, self._done = file, done

    def read(self, size: int) -> bytes:
        rows = self._file.read(size)
        self._done(len(rows))
        return rows


@contextmanager
def _refusals() -> Iterator[None]:
    """Postgres' refusals in words."""
    try:
        yield
    except DatabaseError as fault:
        said = str(fault).strip()
        raise NotRestored(f"Postgres refuses: {said}\nNothing was changed.") from fault
