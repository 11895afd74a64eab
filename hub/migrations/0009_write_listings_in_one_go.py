"""Nothing to do in Postgres: the same JSON, written by another encoder."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("hub", "0008_keep_the_served_bytes_once"),
    ]

    operations = [
        migrations.AlterField(
            model_name="treelisting",
            name="entries",
            field=models.JSONField(),
        ),
    ]
