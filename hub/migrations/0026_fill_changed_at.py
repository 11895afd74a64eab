from django.db import migrations


def copy_changed_at(apps, schema_editor):
    schema_editor.execute(
        "UPDATE hub_exportercontents SET changed_at = contents_changed_at "
        "FROM hub_exporter WHERE hub_exporter.id = exporter_id"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("hub", "0025_when_directories_changed"),
    ]

    operations = [
        migrations.RunPython(copy_changed_at, migrations.RunPython.noop),
    ]
