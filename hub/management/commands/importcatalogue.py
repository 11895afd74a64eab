"""`manage.py importcatalogue [FILE]`: add and update exporters from a CSV file."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from hub.catalogue.apply_import import NotApplied, apply_import, plan_import
from hub.catalogue.importing import ImportPlan, as_rows
from hub.catalogue.logos import NotALogo, add_logos
from hub.models import Exporter

SAMPLE = settings.BASE_DIR / "hub" / "demo" / "sample" / "catalogue.csv"


class Command(BaseCommand):
    """Add and update exporters in one transaction. Never deletes an exporter."""

    help = (
        "Add and update exporters from a CSV file (default: the catalogue that ships with the "
        "hub), and logos from the folder `logos` beside it. If anything has an error, nothing is "
        "imported."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        only_new = "add missing exporters only; do not update existing ones"
        parser.add_argument("file", nargs="?", type=Path, default=SAMPLE, help="CSV file to import")
        parser.add_argument("--dry-run", action="store_true", help="only show the changes")
        parser.add_argument("--only-new", action="store_true", help=only_new)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise CommandError(f"Cannot read {file}: {error.strerror}") from error
        plan = plan_import(data, only_new=options["only_new"])
        if plan.problems:
            lines = [f"Nothing was imported. Fix {file}:", *map(str, plan.problems)]
            raise CommandError("\n  ".join(lines))
        self.stdout.write(_table(plan) + plan.summary)
        if options["dry_run"]:
            self.stdout.write("Dry run: nothing was imported.")
            return
        exporters = Exporter.objects.all()
        if options["only_new"]:
            exporters = exporters.filter(slug__in=[new.values["slug"] for new in plan.new])
        try:
            with transaction.atomic():
                apply_import(plan)
                logos = add_logos(file.parent / "logos", exporters)
        except (NotApplied, NotALogo) as error:
            raise CommandError(f"{file}: {error}") from error
        if logos:
            self.stdout.write(f"Logos added: {logos}.")


def _table(plan: ImportPlan) -> str:
    """Return the planned changes as aligned columns, one line per exporter."""
    rows = as_rows(plan)
    columns = ("line", "what", "exporter")
    width = {name: max((len(row[name]) for row in rows), default=0) for name in columns}
    return "".join(
        f"line {row['line']:>{width['line']}}  {row['what']:{width['what']}}  "
        f"{row['exporter']:{width['exporter']}}  {row['details']}\n"
        for row in rows
    )
