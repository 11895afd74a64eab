"""`manage.py restore FILE`: replace the database's contents with a backup's, or change nothing."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import localtime
from tqdm import tqdm

from hub.ops.backup.archive import Archive, UnusableBackup
from hub.ops.backup.restore import NotRestored, restore_backup


class Command(BaseCommand):
    """A backup of an older hub is migrated."""

    help = (
        "Replace the database's contents with a backup's, in one transaction. Stop web, worker and "
        "beat first. Works on an empty database too, without `migrate` before."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        tokens = "leave out the GitHub tokens that this hub's keys cannot read"
        parser.add_argument("file", help="what `manage.py backup` wrote; - is the standard input")
        parser.add_argument("--force", action="store_true", help="replace a filled database")
        parser.add_argument("--without-tokens", action="store_true", help=tokens)

    def handle(self, *args: Any, file: str, **options: Any) -> None:
        if file == "-":
            with tempfile.TemporaryFile() as whole:  # a zip is read from its end
                shutil.copyfileobj(sys.stdin.buffer, whole)
                self._restore(whole, "The standard input", options)
            return
        try:
            with Path(file).open("rb") as opened:
                self._restore(opened, file, options)
        except OSError as fault:
            raise CommandError(f"{file} cannot be read: {fault.strerror}") from fault

    def _restore(self, file: IO[bytes], name: str, options: dict[str, Any]) -> None:
        try:
            archive = Archive(file, name)
            bar = tqdm(total=2 * archive.size, unit="B", unit_scale=True, disable=None, leave=False)
            with bar:
                restored = restore_backup(
                    archive,
                    overwrite=options["force"],
                    without_tokens=options["without_tokens"],
                    done=bar.update,
                )
        except (UnusableBackup, NotRestored) as fault:
            raise CommandError(str(fault)) from fault
        made_at = localtime(archive.manifest.made_at)
        self.stdout.write(f"restored {restored.rows} rows, as of {made_at:%Y-%m-%d %H:%M:%S %Z}")
        if restored.tokens_left_out:
            self.stdout.write(
                "tokens left out, which this hub's keys cannot read: "
                f"{restored.tokens_left_out}; add new ones in the admin"
            )
        if restored.other_sources:
            self.stdout.write(
                "The contents in it are of another source than this hub is set to read, and are "
                f"not shown until GITHUB_REPO, GITHUB_BRANCH, GITHUB_CONTENTS_PATH and "
                f"GITHUB_API_URL name it: {', '.join(restored.other_sources)}"
            )
        self.stdout.write("Start the hub again now, or restart web, worker and beat.")
