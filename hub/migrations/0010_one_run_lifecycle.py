from django.db import migrations


def rename_states(apps, schema_editor):
    runs = apps.get_model("hub", "FactsRun").objects
    runs.filter(status="asking").update(status="looking_up")
    runs.filter(status="updated").update(status="published")


def rename_schedule(apps, schema_editor):
    entries = apps.get_model("django_celery_beat", "PeriodicTask").objects
    entries.filter(task="tasks.refresh.watch_runs").update(
        name="Housekeeping",
        task="tasks.housekeeping.housekeeping",
        description="Closes overdue runs, sends lost tasks again, deletes old rows.",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("hub", "0009_write_listings_in_one_go"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [
        migrations.RunPython(rename_states, migrations.RunPython.noop),
        migrations.RunPython(rename_schedule, migrations.RunPython.noop),
        migrations.RenameField("githubtoken", "limit", "core_limit"),
        migrations.RenameField("githubtoken", "remaining", "core_remaining"),
        migrations.RenameField("githubtoken", "reset_at", "core_reset_at"),
        migrations.RemoveConstraint("listingetag", "one_etag_per_token_and_url"),
        migrations.RenameField("listingetag", "url", "source"),
    ]
