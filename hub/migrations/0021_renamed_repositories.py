"""Store the new names of repositories that were renamed on GitHub."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hub", "0020_links_and_submodules")]

    operations = [
        migrations.CreateModel(
            "RenamedRepository",
            [
                (
                    "former",
                    models.CharField(max_length=140, primary_key=True, serialize=False),
                ),
                ("current", models.CharField(max_length=140)),
                ("path", models.CharField(max_length=200, help_text="Start of the API's paths.")),
                (
                    "seen_at",
                    models.DateTimeField(help_text="When GitHub last redirected the former name."),
                ),
            ],
        ),
    ]
