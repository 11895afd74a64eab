"""`manage.py backup [FILE]`: back up the hub's database to one file."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from tqdm import tqdm

from hub.ops.backup.archive import BackupManifest, atomic_file
from hub.ops.backup.create import BackupError, create_backup


class Command(BaseCommand):
    """Write a consistent snapshot of the database while the hub keeps running."""

    help = (
        "Back up the hub's database to a file. The hub can keep running. GitHub tokens stay "
        "encrypted, so store SECRET_KEY and FIELD_ENCRYPTION_KEY too, in another place."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        text = "file to write; - for standard output (default: a new file in DATA_DIR/backups)"
        parser.add_argument("file", nargs="?", help=text)
        parser.add_argument("--force", action="store_true", help="overwrite an existing file")

    def handle(self, *args: Any, file: str | None, **options: Any) -> None:
        if file == "-" and sys.stdout.isatty():
            raise CommandError("Cannot write a backup to a terminal. Name a file or redirect.")
        path = Path(file) if file else _new_file()
        try:
            if file == "-":
                self._create(sys.stdout.buffer)
                sys.stdout.buffer.flush()
                return
            with atomic_file(path, overwrite=options["force"]) as new:
                manifest = self._create(new)
        except FileExistsError as error:
            raise CommandError(
                f"{path} already exists. Name another file, or pass --force to overwrite it."
            ) from error
        except OSError as error:
            raise CommandError(
                f"Cannot write {path}: {error.strerror}. No backup was made. Free some space or "
                "name another file, then try again."
            ) from error
        rows = sum(table.rows for table in manifest.tables.values())
        self.stdout.write(
            f"{path}: {len(manifest.tables)} tables, {rows} rows, {path.stat().st_size} bytes\n"
            f"A restore also needs {manifest.needs}. Store them in another place."
        )

    def _create(self, file: BinaryIO) -> BackupManifest:
        try:
            with tqdm(unit="B", unit_scale=True, disable=None, leave=False) as bar:
                return create_backup(file, bar.update)
        except BackupError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"Postgres reported an error: {str(error).strip()}") from error


def _new_file() -> Path:
    folder: Path = settings.DATA_DIR / "backups"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"hub-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.zip"
