"""`manage.py ensureadmin`: an administrator with a generated password, if there is none."""

import json
import secrets
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """For `make run`; prints the generated password, of which only the hash is stored."""

    help = (
        "Create the user `admin` with a generated password unless there is a superuser. Prints "
        '{"username", "password"} as JSON; the password is null if there was a superuser.'
    )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(is_superuser=True).order_by("pk").first()
        password = None if user else secrets.token_urlsafe(15)
        if user is None:
            user = User.objects.create_superuser("admin", password=password)
        self.stdout.write(json.dumps({"username": user.username, "password": password}))
