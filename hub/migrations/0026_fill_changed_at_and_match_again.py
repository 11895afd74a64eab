from django.db import migrations


def copy_changed_at(apps, schema_editor):
    schema_editor.execute(
        "UPDATE hub_exportercontents SET changed_at = contents_changed_at "
        "FROM hub_exporter WHERE hub_exporter.id = exporter_id"
    )


def publish_again(apps, schema_editor):
    """Let the next run publish, even if nothing changed: it matches the directories again."""
    apps.get_model("hub", "Snapshot").objects.update(complete=False)


class Migration(migrations.Migration):
    dependencies = [
        ("hub", "0025_when_directories_changed"),
    ]

    operations = [
        migrations.RunPython(copy_changed_at, migrations.RunPython.noop),
        migrations.RunPython(publish_again, migrations.RunPython.noop),
    ]
