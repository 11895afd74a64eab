from django.db import migrations

_RENAMED = {
    "tasks.refresh.start_scheduled_run": "tasks.refresh.start_scheduled_refresh",
    "tasks.facts.start_scheduled_run": "tasks.facts.start_scheduled_facts_run",
}


def rename_tasks(apps, schema_editor):
    entries = apps.get_model("django_celery_beat", "PeriodicTask").objects
    for before, after in _RENAMED.items():
        entries.filter(task=before).update(task=after)


class Migration(migrations.Migration):
    dependencies = [
        ("hub", "0011_graphql_and_full_runs"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(rename_tasks, migrations.RunPython.noop)]
