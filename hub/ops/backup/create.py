"""Create a backup: every table as of one moment, while the hub goes on running."""

import zipfile
from collections.abc import Callable
from typing import BinaryIO

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from tqdm.utils import CallbackIOWrapper

from hub.ops.backup import database
from hub.ops.backup.archive import MANIFEST, BackupManifest, Rows, member

NEEDS = (
    "SECRET_KEY and FIELD_ENCRYPTION_KEY of the hub that made it, for its GitHub tokens are "
    "encrypted with them; they are not in this file"
)


class NotBackedUp(Exception):
    """The database is not a hub's, or is being migrated. The text says what to do."""


def create_backup(file: BinaryIO, done: Callable[[int], object]) -> BackupManifest:
    """Write all that the hub stores to `file`, telling `done` the numbers of bytes.

    The manifest is written last: without it, the file is no backup. Raises `NotBackedUp`.
    """
    tables = database.tables()
    if "hub_refreshrun" not in tables:
        raise NotBackedUp(
            "The database that DATABASE_URL names holds no hub. Name the hub's own, or start the "
            "hub once."
        )
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        database.one_transaction("REPEATABLE READ, READ ONLY"),
    ):
        # Before the first query, which fixes what is seen: a table that is rewritten or emptied
        # later would look empty.
        database.run_statement("LOCK TABLE {} IN ACCESS SHARE MODE", tables)
        if database.tables() != tables:
            raise NotBackedUp("The database is being migrated: try again when that is done.")
        stored: dict[str, Rows] = {}
        for table in sorted(tables.keys() - database.LEFT_OUT):
            # The size is unknown yet and may need zip64.
            with archive.open(member(table), "w", force_zip64=True) as rows:
                counting = CallbackIOWrapper(done, rows, "write")
                count = database.copy_out(table, tables[table], counting)
            stored[table] = Rows(columns=tables[table], rows=count)
        manifest = BackupManifest(
            made_at=timezone.now(),
            postgres=database.server_version(),
            needs=NEEDS,
            migrations=sorted(MigrationRecorder(connection).applied_migrations()),
            tables=stored,
            sequences=database.next_numbers(stored),
        )
        archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))
    return manifest
