"""`manage.py importcatalogue [FILE]`: add and update exporters from a CSV file."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.catalogue.apply_import import NotApplied, apply_import, plan_import
from hub.catalogue.importing import ImportPlan, as_rows

SAMPLE = settings.BASE_DIR / "hub" / "demo" / "sample" / "catalogue.csv"


class Command(BaseCommand):
    """Adds and updates exporters, all or nothing; never deletes one."""

    help = (
        "Add and update exporters from a CSV file (by default the one that ships with the hub). "
        "If any line has an error, nothing is written."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, default=SAMPLE)
        only_new = "add what is missing, change nothing"
        parser.add_argument("--dry-run", action="store_true", help="only show what would change")
        parser.add_argument("--only-new", action="store_true", help=only_new)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            data = file.read_bytes()
        except OSError as fault:
            raise CommandError(f"{file} cannot be read: {fault.strerror}") from fault
        plan = plan_import(data, only_new=options["only_new"])
        if plan.problems:
            lines = [f"{file} has errors, so nothing was imported:", *map(str, plan.problems)]
            raise CommandError("\n  ".join(lines))
        self.stdout.write(_table(plan) + plan.summary)
        if options["dry_run"]:
            self.stdout.write("dry run: nothing was written")
            return
        try:
            apply_import(plan)
        except NotApplied as fault:
            raise CommandError(f"{file}: {fault}") from fault


def _table(plan: ImportPlan) -> str:
    """A line for each exporter that is written, in columns."""
    rows = as_rows(plan)
    columns = ("line", "what", "exporter")
    width = {name: max((len(row[name]) for row in rows), default=0) for name in columns}
    return "".join(
        f"line {row['line']:>{width['line']}}  {row['what']:{width['what']}}  "
        f"{row['exporter']:{width['exporter']}}  {row['details']}\n"
        for row in rows
    )
