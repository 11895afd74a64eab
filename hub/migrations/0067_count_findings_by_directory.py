from django.db import migrations, models

COUNT_FINDINGS = """
    UPDATE hub_exportercontents AS contents
    SET errors = counted.errors, warnings = counted.warnings, notes = counted.notes
    FROM (
        SELECT sha,
            count(*) FILTER (WHERE level = '"error"') AS errors,
            count(*) FILTER (WHERE level = '"warning"') AS warnings,
            count(*) FILTER (WHERE level = '"note"') AS notes
        FROM hub_contenttree
        LEFT JOIN LATERAL jsonb_path_query(judgement, '$.findings[*].level') AS level ON true
        WHERE judgement IS NOT NULL
        GROUP BY sha
    ) AS counted
    WHERE counted.sha = contents.tree_sha
"""


class Migration(migrations.Migration):
    dependencies = [
        ("hub", "0066_pictures"),
    ]

    operations = [
        *(
            migrations.AddField(
                model_name="exportercontents",
                name=name,
                field=models.PositiveIntegerField(editable=False, null=True),
            )
            for name in ("errors", "warnings", "notes")
        ),
        migrations.RunSQL(COUNT_FINDINGS, migrations.RunSQL.noop),
        migrations.RemoveField(
            model_name="servedcontents",
            name="findings",
        ),
    ]
