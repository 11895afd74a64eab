"""Taking a backup: every table as it was at one moment, while the hub goes on."""

from collections.abc import Callable
from typing import IO, BinaryIO

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from hub.ops.backup import database
from hub.ops.backup.archive import Manifest, Rows, Writer

NEEDS = (
    "SECRET_KEY and FIELD_ENCRYPTION_KEY of the hub that made it, for its GitHub tokens are "
    "encrypted with them; they are not in this file"
)


class NothingToBackUp(Exception):
    """The database is none of a hub, or is being migrated. The text says what to do."""


def take(
    file: BinaryIO, started: Callable[[int], object], done: Callable[[int], object]
) -> Manifest:
    """Write all that the hub keeps to `file`, as it is at this moment.

    `started` is told how many rows there are, then `done` how many were written. Readers and
    workers go on meanwhile. Raises `NothingToBackUp`.
    """
    tables = database.tables()
    if "hub_refreshrun" not in tables:
        raise NothingToBackUp(
            "The database that DATABASE_URL names holds no hub. Name the hub's own, or start the "
            "hub once."
        )
    with Writer(file) as writer, database.one_transaction("REPEATABLE READ, READ ONLY"):
        # Before the first query, which decides for good what is seen: a table that was rewritten
        # or emptied after that would look empty.
        database.lock(tables, "ACCESS SHARE")
        if database.tables() != tables:
            raise NothingToBackUp("The database is being migrated: try again when that is done.")
        tables = {
            name: columns for name, columns in tables.items() if name not in database.LEFT_OUT
        }
        counts = {name: database.count(name) for name in tables}
        started(sum(counts.values()))
        for name, columns in tables.items():
            with writer.table(name) as member:
                database.copy_out(name, columns, _Counting(member, done))
        manifest = Manifest(
            made_at=timezone.now(),
            postgres=database.server_version(),
            needs=NEEDS,
            migrations=sorted(MigrationRecorder(connection).applied_migrations()),
            tables={
                name: Rows(columns=columns, rows=counts[name]) for name, columns in tables.items()
            },
            sequences=database.next_numbers(tables),
        )
        writer.finish(manifest)
    return manifest


class _Counting:
    """Passes rows on and tells how many; Postgres sends each with a line's end."""

    def __init__(self, file: IO[bytes], done: Callable[[int], object]) -> None:
        self._file, self._done = file, done

    def write(self, rows: bytes) -> int:
        self._done(rows.count(b"\n"))
        return self._file.write(rows)
