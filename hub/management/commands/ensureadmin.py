"""`manage.py ensureadmin`: an administrator with a generated password, if there is none."""

import json
import secrets
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """Prints the generated password once: only its hash is stored."""

    help = "Create the user `admin` with a generated password unless there is a superuser."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json",
            action="store_true",
            help='print {"username", "password"}; the password is null if there was a superuser',
        )

    def handle(self, *args: Any, **options: Any) -> None:
        there = User.objects.filter(is_superuser=True).order_by("pk").first()
        username = there.username if there else "admin"
        password = None if there else secrets.token_urlsafe(15)
        if password:
            User.objects.create_superuser(username, password=password)
        if options["json"]:
            self.stdout.write(json.dumps({"username": username, "password": password}))
        elif password:
            self.stdout.write(f"created {username} with the password {password}")
        else:
            self.stdout.write(f"there is a superuser already: {username}")
