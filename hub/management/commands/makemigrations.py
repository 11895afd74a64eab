"""`manage.py makemigrations`, without the words for users."""

from typing import Any

from django.core.management.commands import makemigrations
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.state import ProjectState
from django.db.models import Field

_WORDS = {"choices": None, "help_text": "", "_verbose_name": None}


class Autodetector(MigrationAutodetector):
    """Ignores the words of models: they are not in the database.

    Otherwise a new word in the label of a choice would need a migration that repeats all choices of
    each field that has it.
    """

    def __init__(self, from_state: ProjectState, to_state: ProjectState, *args: Any) -> None:
        """Remove the words from both states, which are compared and written to the migration."""
        for state in (from_state, to_state):
            for model in state.models.values():
                model.fields = {name: _without_words(field) for name, field in model.fields.items()}
                model.options.pop("verbose_name", None)
                model.options.pop("verbose_name_plural", None)
        super().__init__(from_state, to_state, *args)


class Command(makemigrations.Command):
    """Create migrations with changes that concern the database."""

    autodetector = Autodetector


def _without_words(field: Field[Any, Any]) -> Field[Any, Any]:
    copy = field.clone()
    for name, none in _WORDS.items():
        setattr(copy, name, none)
    return copy
