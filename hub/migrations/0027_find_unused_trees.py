import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("hub", "0026_fill_changed_at"),
    ]

    operations = [
        migrations.AddField(
            model_name="contenttree",
            name="unused_since",
            field=models.DateTimeField(
                help_text="Since when no map names it; null while one does.",
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="contenttree",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["files"], name="trees_by_file", opclasses=["jsonb_path_ops"]
            ),
        ),
    ]
