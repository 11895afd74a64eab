"""Empty: it changed only the encoder of a JSON field, which is not in the database."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("hub", "0008_keep_the_served_bytes_once"),
    ]
    # It stays because `restore` refuses a backup with a migration that it does not know.
    operations: list[object] = []
