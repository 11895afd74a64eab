"""`manage.py exportcatalogue`: the catalogue as CSV, for a backup or a spreadsheet."""

from typing import Any

from django.core.management.base import BaseCommand

from hub.catalogue.table import export


class Command(BaseCommand):
    """Writes what `importcatalogue` takes back without a change."""

    help = "Write the catalogue as CSV to the standard output."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(export(), ending="")
