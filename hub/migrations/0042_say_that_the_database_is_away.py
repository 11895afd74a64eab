"""Empty: it changed only words of fields, which are not in the database (`makemigrations`)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("hub", "0041_read_past_times"),
    ]
    # It stays because `restore` refuses a backup with a migration that it does not know.
    operations: list[object] = []
