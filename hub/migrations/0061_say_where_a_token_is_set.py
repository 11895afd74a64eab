"""Empty: it changed only words of fields, which are not in the database (`makemigrations`)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("hub", "0060_metrics_and_their_use"),
    ]
    # It stays because `restore` refuses a backup with a migration that it does not know.
    operations: list[object] = []
