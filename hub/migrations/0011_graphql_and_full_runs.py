from django.conf import settings
from django.db import migrations, models


def fill_kinds(apps, schema_editor):
    """The kinds that are present, each with whether it is usable, out of the judgement."""
    trees = apps.get_model("hub", "ContentTree").objects.filter(judgement__isnull=False)
    for tree in trees.iterator(chunk_size=500):
        found = {}
        for kinds in tree.judgement["files"].values():
            for kind, usable in kinds.items():
                found.setdefault(kind, set()).add(usable)
        tree.kinds = {
            kind: True if True in said else None if None in said else False
            for kind, said in found.items()
        }
        tree.save(update_fields=["kinds"])


class Migration(migrations.Migration):
    dependencies = [
        ("hub", "0010_one_run_lifecycle"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="refreshrun",
            name="an_ended_run_has_an_end",
        ),
        migrations.RemoveField(
            model_name="exportercontents",
            name="evidence",
        ),
        migrations.AddField(
            model_name="contenttree",
            name="kinds",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="githubtoken",
            name="graphql_limit",
            field=models.PositiveIntegerField(
                editable=False, help_text="GraphQL points an hour that GitHub allows.", null=True
            ),
        ),
        migrations.AddField(
            model_name="githubtoken",
            name="graphql_remaining",
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="githubtoken",
            name="graphql_reset_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="refreshrun",
            name="full",
            field=models.BooleanField(
                default=False,
                help_text="Publish although the listed tree is the one that is served.",
            ),
        ),
        migrations.AddField(
            model_name="refreshrun",
            name="rest_only",
            field=models.BooleanField(
                default=False, help_text="GitHub offers no GraphQL for it: files come over REST."
            ),
        ),
        migrations.AddConstraint(
            model_name="factsrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("finished_at__isnull", True),
                        ("status__in", ["queued", "listing", "looking_up"]),
                    ),
                    models.Q(
                        ("finished_at__isnull", False),
                        models.Q(
                            ("status__in", ["queued", "listing", "looking_up"]), _negated=True
                        ),
                    ),
                    _connector="OR",
                ),
                name="ended_factsrun_has_an_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="listingetag",
            constraint=models.UniqueConstraint(
                fields=("token", "source"), name="one_etag_per_token_and_source"
            ),
        ),
        migrations.AddConstraint(
            model_name="refreshrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("finished_at__isnull", True),
                        ("status__in", ["queued", "listing", "looking_up"]),
                    ),
                    models.Q(
                        ("finished_at__isnull", False),
                        models.Q(
                            ("status__in", ["queued", "listing", "looking_up"]), _negated=True
                        ),
                    ),
                    _connector="OR",
                ),
                name="ended_refreshrun_has_an_end",
            ),
        ),
        migrations.RunPython(fill_kinds, migrations.RunPython.noop),
    ]
