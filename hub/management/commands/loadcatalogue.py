"""`manage.py loadcatalogue [FILE]`: fill the catalogue from a CSV file."""

import csv
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from hub.catalogue.search import reindex
from hub.contents.serve import serve_catalogue
from hub.models import Category, Exporter

SAMPLE = settings.BASE_DIR / "hub" / "demo" / "sample" / "catalogue.csv"
_COLUMNS = {"slug", "title", "project_name", "repository", "category", "official", "description"}


class Command(BaseCommand):
    """Adds the exporters that are not in the catalogue yet; changes none that is there."""

    help = "Add exporters from a CSV file (by default the one that ships with the hub)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, default=SAMPLE)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        rows = _rows(file)
        with transaction.atomic():
            known = set(Exporter.objects.values_list("slug", flat=True))
            categories = {
                name: Category.objects.get_or_create(name=name)[0]
                for name in sorted({row["category"] for row in rows})
            }
            new = [
                _exporter(row, categories[row["category"]], line)
                for line, row in enumerate(rows, start=2)
                if row["slug"] not in known
            ]
            Exporter.objects.bulk_create(new)
            reindex(Exporter.objects.filter(slug__in=[exporter.slug for exporter in new]))
            if new:
                serve_catalogue()
        self.stdout.write(f"{len(new)} exporters added, {len(rows) - len(new)} were there already")


def _rows(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            missing = _COLUMNS - set(reader.fieldnames or ())
            if missing:
                raise CommandError(f"{file} lacks the columns {', '.join(sorted(missing))}")
            return list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise CommandError(f"{file} cannot be read: {fault}") from fault


def _exporter(row: dict[str, str], category: Category, line: int) -> Exporter:
    """The row as an exporter, validated. Raises `CommandError` that names the line."""
    exporter = Exporter(
        slug=row["slug"],
        title=row["title"],
        project_name=row["project_name"],
        repository=row["repository"],
        category=category,
        official=row["official"].strip() == "1",
        description=row["description"],
    )
    try:
        exporter.full_clean()
    except ValidationError as error:
        raise CommandError(f"line {line}, nothing was added: {error.message_dict}") from error
    return exporter
