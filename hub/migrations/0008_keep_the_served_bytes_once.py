"""The served bytes stand compressed alone: half of what a publication wrote was them once more."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("hub", "0007_store_large_values_as_they_are")]

    operations = [migrations.RemoveField("servedcontents", "body")]
