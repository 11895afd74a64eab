"""The migrations describe the models."""

import pytest
from django.core.management import call_command
from django.db.migrations import AddField
from django.db.migrations.loader import MigrationLoader

_LAST_WITHOUT_THE_RULE = "0014_recover_in_seconds"


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=1)  # else it exits


def test_the_old_version_can_insert_rows_into_the_migrated_tables() -> None:
    migrations = MigrationLoader(None).disk_migrations
    for (app, name), migration in migrations.items():
        if app != "hub" or name <= _LAST_WITHOUT_THE_RULE:
            continue
        for operation in migration.operations:
            if isinstance(operation, AddField):
                field = operation.field
                assert field.null or field.has_db_default(), (name, operation.name)
