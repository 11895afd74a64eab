"""`manage.py exportcatalogue`: print the catalogue as CSV."""

from typing import Any

from django.core.management.base import BaseCommand

from hub.catalogue.table import export


class Command(BaseCommand):
    """Print the catalogue as a CSV file that `importcatalogue` can read."""

    help = "Write the catalogue as CSV to standard output."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(export(), ending="")
