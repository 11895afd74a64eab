"""`manage.py ensureadmin`: create the first superuser."""

import json
import os
import secrets
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

_NAME = "admin"


class Command(BaseCommand):
    """Create the first superuser. The database stores only the password's hash."""

    help = (
        f"Create the superuser `{_NAME}` unless a superuser exists. The password is "
        "HUB_ADMIN_PASSWORD; if it is not set, the command generates one and prints it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        as_json = 'print {"username", "password"}; the password is null unless it was generated'
        parser.add_argument("--json", action="store_true", help=as_json)

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(is_superuser=True).order_by("pk").first()
        given, generated = os.environ.get("HUB_ADMIN_PASSWORD"), None
        if user:
            said = f"The superuser {user.username} exists, so nothing was changed. To set a new "
            said += f"password, run: manage.py changepassword {user.username}"
        elif given:
            user = _create(given)
            said = f"Created the superuser {_NAME} with the password from HUB_ADMIN_PASSWORD."
        else:
            generated = secrets.token_urlsafe(15)
            user = _create(generated)
            said = f"Created the superuser {_NAME}. Its password, shown only once: {generated}"
        if options["json"]:
            said = json.dumps({"username": user.username, "password": generated})
        self.stdout.write(said)


def _create(password: str) -> User:
    if User.objects.filter(username=_NAME).exists():
        raise CommandError(
            f"A user named {_NAME} exists and is no superuser, so nothing was changed. Create a "
            "superuser with another name: manage.py createsuperuser"
        )
    user = User(username=_NAME, is_staff=True, is_superuser=True)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise CommandError(f"HUB_ADMIN_PASSWORD: {' '.join(error.messages)}") from error
    user.set_password(password)
    user.save()
    return user
