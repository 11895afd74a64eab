"""`manage.py backup [FILE]`: all that the hub stores in Postgres, in one file."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from tqdm import tqdm

from hub.ops.backup.archive import BackupManifest, created
from hub.ops.backup.create import NotBackedUp, create_backup


class Command(BaseCommand):
    """Readers, workers and runs go on meanwhile; the file holds one moment."""

    help = (
        "Write all that the hub stores in Postgres to a file, while it runs. GitHub tokens stay "
        "encrypted in it, so keep SECRET_KEY and FIELD_ENCRYPTION_KEY too, elsewhere."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        default = "by default a new file below backups in the data folder"
        parser.add_argument("file", nargs="?", help=f"- is the standard output; {default}")
        parser.add_argument("--force", action="store_true", help="replace an existing file")

    def handle(self, *args: Any, file: str | None, **options: Any) -> None:
        if file == "-" and sys.stdout.isatty():
            raise CommandError("A backup is no text for a terminal: name a file.")
        path = Path(file) if file else _new_file()
        try:
            if file == "-":
                self._create(sys.stdout.buffer)
                sys.stdout.buffer.flush()
                return
            with created(path, overwrite=options["force"]) as new:
                manifest = self._create(new)
        except FileExistsError as fault:
            raise CommandError(
                f"{path} is there already: name another file, or say --force to replace it."
            ) from fault
        except OSError as fault:
            raise CommandError(
                f"{path} cannot be written ({fault.strerror}). There is no backup: write to "
                "another place, or make room there, and try again."
            ) from fault
        rows = sum(table.rows for table in manifest.tables.values())
        self.stdout.write(
            f"{path}: {rows} rows of {len(manifest.tables)} tables, {path.stat().st_size} bytes\n"
            f"A restore also needs {manifest.needs}. Keep them in another place."
        )

    def _create(self, file: BinaryIO) -> BackupManifest:
        try:
            with tqdm(unit="B", unit_scale=True, disable=None, leave=False) as bar:
                return create_backup(file, bar.update)
        except NotBackedUp as fault:
            raise CommandError(str(fault)) from fault
        except DatabaseError as fault:
            raise CommandError(f"Postgres refuses: {str(fault).strip()}") from fault


def _new_file() -> Path:
    folder: Path = settings.DATA_DIR / "backups"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"hub-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.zip"
