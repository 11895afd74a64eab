"""`manage.py reencrypt`: encrypt all stored secrets with the newest keys."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from hub.models import GitHubToken


class Command(BaseCommand):
    """Decrypt each GitHub token with any of the keys, and encrypt it with the first ones."""

    help = (
        "Encrypt all GitHub tokens with SECRET_KEY and the first FIELD_ENCRYPTION_KEY, all or "
        "none. Afterwards the older keys are not needed any more."
    )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        tokens = list(GitHubToken.objects.select_for_update())
        unreadable = [token.name for token in tokens if not token.is_readable]
        if unreadable:
            raise CommandError(
                f"The hub's keys cannot decrypt these tokens: {', '.join(unreadable)}. Add the "
                "former keys to the end of FIELD_ENCRYPTION_KEY or to SECRET_KEY_FALLBACKS, or "
                "delete these tokens in the admin. Nothing was changed."
            )
        for token in tokens:
            token.save(update_fields=["secret"])
        self.stdout.write(
            f"Encrypted {len(tokens)} GitHub tokens with the first keys. Remove the former keys "
            "from FIELD_ENCRYPTION_KEY and SECRET_KEY_FALLBACKS, and restart the hub."
        )
