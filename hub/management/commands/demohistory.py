"""`manage.py demohistory`: give a new demo its first changes. `make run` calls it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hub.demo.history import record_history
from hub.github.errors import GitHubError


class Command(BaseCommand):
    """Record changes in the demo."""

    help = "Change the demo's repository twice, so that the history of a new demo has entries."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            record_history()
        except (GitHubError, TimeoutError) as error:
            raise CommandError(f"The demo has no history: {error}") from error
