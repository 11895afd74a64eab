"""`manage.py restore FILE`: restore the hub's database from a backup."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import localtime
from tqdm import tqdm

from hub.ops.backup.archive import Archive, UnusableBackup
from hub.ops.backup.restore import RestoreError, restore_backup


class Command(BaseCommand):
    """Restore a backup in one transaction. A backup of an older hub is migrated."""

    help = (
        "Restore the hub's database from a backup, in one transaction. Stop web, worker and beat "
        "first. An empty database does not need `migrate` before."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        tokens = "skip GitHub tokens that this hub's keys cannot decrypt"
        parser.add_argument("file", help="backup file; - for standard input")
        parser.add_argument("--force", action="store_true", help="replace existing data")
        parser.add_argument("--without-tokens", action="store_true", help=tokens)

    def handle(self, *args: Any, file: str, **options: Any) -> None:
        if file == "-":
            with tempfile.TemporaryFile() as copy:  # reading a zip needs a seekable file
                shutil.copyfileobj(sys.stdin.buffer, copy)
                self._restore(copy, "The standard input", options)
            return
        try:
            with Path(file).open("rb") as opened:
                self._restore(opened, file, options)
        except OSError as error:
            raise CommandError(f"Cannot read {file}: {error.strerror}") from error

    def _restore(self, file: IO[bytes], name: str, options: dict[str, Any]) -> None:
        try:
            archive = Archive(file, name)
            bar = tqdm(total=2 * archive.size, unit="B", unit_scale=True, disable=None, leave=False)
            with bar:
                restored = restore_backup(
                    archive,
                    overwrite=options["force"],
                    without_tokens=options["without_tokens"],
                    progress=bar.update,
                )
        except (UnusableBackup, RestoreError) as error:
            raise CommandError(str(error)) from error
        made_at = localtime(archive.manifest.made_at)
        self.stdout.write(f"Restored {restored.rows} rows as of {made_at:%Y-%m-%d %H:%M:%S %Z}.")
        if restored.skipped_tokens:
            self.stdout.write(
                f"Skipped {restored.skipped_tokens} GitHub tokens that this hub's keys cannot "
                "decrypt. Add new tokens in the admin."
            )
        if restored.other_sources:
            self.stdout.write(
                "The backup's contents belong to another source than this hub is configured for. "
                "To show them, set GITHUB_REPO, GITHUB_BRANCH, GITHUB_CONTENTS_PATH and "
                f"GITHUB_API_URL to match: {', '.join(restored.other_sources)}"
            )
        self.stdout.write("Start or restart web, worker and beat now.")
