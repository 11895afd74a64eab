from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("hub", "0021_renamed_repositories"),
    ]

    operations = [
        migrations.AddField(
            model_name="exportercontents",
            name="changed_at",
            field=models.DateTimeField(null=True),
        ),
        # The column stays, because the old version reads it during the migration.
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField("exporter", "contents_changed_at")]
        ),
    ]
