"""System checks of the hub, for `manage.py check --database default` and `migrate`."""

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import connection

from hub.github.tokens import unreadable_tokens
from hub.models import GitHubToken, Reason


@checks.register(checks.Tags.database)
def check_keys(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Warn about stored GitHub tokens that the hub's keys cannot decrypt."""
    if not databases or GitHubToken._meta.db_table not in connection.introspection.table_names():
        return []
    names = unreadable_tokens()
    message = f"{', '.join(names)}: {Reason.WRONG_KEY.label}"
    return [checks.Warning(message, id="hub.W001")] if names else []
