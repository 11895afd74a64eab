"""`manage.py backup [FILE]`: all that the hub keeps in Postgres, in one file."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from tqdm import tqdm

from hub.ops.backup.archive import Manifest, created
from hub.ops.backup.create import NothingToBackUp, take


class Command(BaseCommand):
    """Readers, workers and runs go on meanwhile; the file holds one moment."""

    help = (
        "Write all that the hub keeps in Postgres to a file, while it runs. GitHub tokens stay "
        "encrypted in it, so keep SECRET_KEY and FIELD_ENCRYPTION_KEY too, elsewhere."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file",
            nargs="?",
            help="where to; - is the standard output; by default a new file below "
            "backups in the data folder",
        )
        parser.add_argument("--force", action="store_true", help="replace the file if it is there")

    def handle(self, *args: Any, file: str | None, **options: Any) -> None:
        path = Path(file) if file else _new_file()
        try:
            if file == "-":
                self._to_standard_output()
                return
            with created(path, overwrite=options["force"]) as new:
                manifest = self._take(new)
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

    def _to_standard_output(self) -> None:
        if sys.stdout.isatty():
            raise CommandError("A backup is no text for a terminal: name a file.")
        self._take(sys.stdout.buffer)
        sys.stdout.buffer.flush()

    def _take(self, file: BinaryIO) -> Manifest:
        with tqdm(unit=" rows", disable=None, file=self.stderr, leave=False) as bar:
            try:
                return take(file, bar.reset, bar.update)
            except NothingToBackUp as fault:
                raise CommandError(str(fault)) from fault
            except DatabaseError as fault:
                raise CommandError(f"Postgres refuses: {str(fault).strip()}") from fault


def _new_file() -> Path:
    folder: Path = settings.DATA_DIR / "backups"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"hub-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.zip"
