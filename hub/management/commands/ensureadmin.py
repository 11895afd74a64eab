"""`manage.py ensureadmin`: create a superuser with a generated password if there is none."""

import json
import secrets
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Create the first superuser for `make run`. The database stores only the password's hash."""

    help = (
        "Create the superuser `admin` with a generated password unless a superuser exists. Prints "
        '{"username", "password"} as JSON; the password is null if a superuser existed.'
    )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(is_superuser=True).order_by("pk").first()
        password = None if user else secrets.token_urlsafe(15)
        if user is None:
            user = User.objects.create_superuser("admin", password=password)
        self.stdout.write(json.dumps({"username": user.username, "password": password}))
