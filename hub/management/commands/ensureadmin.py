"""`manage.py ensureadmin`: an administrator with a generated password, if there is none."""

import json
import secrets
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Prints {"username", "password"}; the password is null when there was one already."""

    help = "Create the user `admin` with a generated password unless there is a superuser."

    def handle(self, *args: Any, **options: Any) -> None:
        password = None
        if not User.objects.filter(is_superuser=True).exists():
            password = secrets.token_urlsafe(15)
            User.objects.create_superuser("admin", password=password)
        self.stdout.write(json.dumps({"username": "admin", "password": password}))
