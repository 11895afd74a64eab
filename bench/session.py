"""`python -m bench.session`: sign in as a user and write the cookie for requests."""

import sys

import django


def main() -> None:
    """Create the user and a session."""
    django.setup()

    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    client.force_login(get_user_model().objects.get_or_create(username="bench")[0])
    name = settings.SESSION_COOKIE_NAME
    sys.stdout.write(f"{name}={client.cookies[name].value}\n")


if __name__ == "__main__":
    main()
