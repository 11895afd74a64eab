"""The migrations describe the models."""

from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.migrations import AddField, AlterField
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from hub.management.commands.makemigrations import Autodetector

_LAST_WITHOUT_THE_RULE = "0014_recover_in_seconds"


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=1)  # else it exits


def _changes(**attributes: Any) -> list[Any]:
    """Return the operations for which a change of the field `reason` of a run needs a migration."""
    loader = MigrationLoader(None)
    models = ProjectState.from_apps(apps)
    run = models.models["hub", "refreshrun"]
    for attribute, value in attributes.items():
        setattr(run.fields["reason"], attribute, value)
    run.options["verbose_name"] = "another name"
    changes = Autodetector(loader.project_state(), models).changes(loader.graph)
    return [
        each for migrations in changes.values() for one in migrations for each in one.operations
    ]


def test_changed_words_need_no_migration() -> None:
    words = {"help_text": "Another help.", "_verbose_name": "another name"}
    assert _changes(choices=[("no_token", "another label")], **words) == []


def test_a_migration_does_not_repeat_the_choices() -> None:
    (operation,) = _changes(max_length=21)
    assert isinstance(operation, AlterField)
    assert operation.field.deconstruct()[3] == {"blank": True, "max_length": 21}


def test_the_old_version_can_insert_rows_into_the_migrated_tables() -> None:
    migrations = MigrationLoader(None).disk_migrations
    for (app, name), migration in migrations.items():
        if app != "hub" or name <= _LAST_WITHOUT_THE_RULE:
            continue
        for operation in migration.operations:
            if isinstance(operation, AddField):
                field = operation.field
                assert field.null or field.has_db_default(), (name, operation.name)
