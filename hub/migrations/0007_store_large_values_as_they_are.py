"""Listings and the served bytes are written often and large: let Postgres not compress them.

SHAs hardly compress, and the served bytes are kept compressed beside. To compress a listing of
10,000 directories took Postgres longer than all else about it.
"""

from django.db import migrations

_COLUMNS = (
    ("hub_treelisting", "entries"),
    ("hub_servedcontents", "body"),
    ("hub_servedcontents", "body_gzip"),
)


class Migration(migrations.Migration):
    dependencies = [("hub", "0006_facts_runs")]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL",
            f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTENDED",
        )
        for table, column in _COLUMNS
    ]
