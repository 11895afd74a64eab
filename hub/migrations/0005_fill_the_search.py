"""Give the exporters that are there what the search looks in."""

from django.db import migrations

from hub.models.search_index import reindex


def index(apps, schema_editor):
    reindex(apps.get_model("hub", "Exporter").objects.all())


class Migration(migrations.Migration):
    dependencies = [
        ("hub", "0004_catalogue_facts_and_search"),
    ]

    operations = [
        migrations.RunPython(index, migrations.RunPython.noop),
    ]
