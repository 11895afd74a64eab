"""Store which files are behind symbolic links, and what was not read."""

from typing import Any

from django.db import migrations, models


def forget_listings(apps: Any, schema_editor: Any) -> None:
    """Delete listings that do not tell links from files: the next run fetches them again."""
    runs = apps.get_model("hub", "RefreshRun").objects.filter(finished_at__isnull=True)
    listings = apps.get_model("hub", "TreeListing").objects
    listings.exclude(pk__in=runs.values("contents_sha")).delete()


class Migration(migrations.Migration):
    dependencies = [("hub", "0014_recover_in_seconds")]

    operations = [
        migrations.AddField("contenttree", "links", models.JSONField(null=True)),
        migrations.AddField("contenttree", "unread", models.JSONField(default=dict, db_default={})),
        migrations.RunPython(forget_listings, migrations.RunPython.noop),
    ]
