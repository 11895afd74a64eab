"""Create a backup: a consistent snapshot of all tables, while the hub keeps running."""

import zipfile
from collections.abc import Callable
from typing import BinaryIO

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from tqdm.utils import CallbackIOWrapper

from hub.ops.backup import database
from hub.ops.backup.archive import MANIFEST, BackupManifest, TableRows, member_name

NEEDS = (
    "SECRET_KEY and FIELD_ENCRYPTION_KEY of the hub that made it, because they encrypt its GitHub "
    "tokens; they are not in this file"
)


class BackupError(Exception):
    """The database cannot be backed up. The message says why and what to do."""


def create_backup(file: BinaryIO, progress: Callable[[int], object]) -> BackupManifest:
    """Write a backup of the database to `file` and return its manifest.

    `progress` is called with the number of bytes of each write. The manifest is written last, so
    that an incomplete file is recognized. Raises `BackupError`.
    """
    tables = database.tables()
    if "hub_refreshrun" not in tables:
        raise BackupError(
            "The database in DATABASE_URL has no tables of a hub. Correct DATABASE_URL, or start "
            "the hub once to create the tables."
        )
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        database.one_transaction("REPEATABLE READ, READ ONLY"),
    ):
        # Lock before the first query takes the transaction's snapshot: a table that a migration
        # rewrites or truncates after the snapshot would look empty.
        database.run_statement("LOCK TABLE {} IN ACCESS SHARE MODE", tables)
        if database.tables() != tables:
            raise BackupError("A migration is running. Try again when it has finished.")
        stored: dict[str, TableRows] = {}
        for table in sorted(tables.keys() - database.EXCLUDED_TABLES):
            # The size is not known in advance and may need zip64.
            with archive.open(member_name(table), "w", force_zip64=True) as rows:
                counting = CallbackIOWrapper(progress, rows, "write")
                count = database.copy_out(table, tables[table], counting)
            stored[table] = TableRows(columns=tables[table], rows=count)
        manifest = BackupManifest(
            made_at=timezone.now(),
            postgres=database.server_version(),
            needs=NEEDS,
            migrations=sorted(MigrationRecorder(connection).applied_migrations()),
            tables=stored,
            sequences=database.next_sequence_values(stored),
        )
        archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))
    return manifest
