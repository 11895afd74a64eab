#!/usr/bin/env python
"""Django's command line: `manage.py refresh`, `status`, `backup`, `restore`, and Django's own."""

import os
import secrets
import sys

# Commands that need neither Postgres nor Redis nor a key, so they run beside any hub or none.
_ALONE = {"fakegithub"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:2] and sys.argv[1] in _ALONE:
        os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(60))
        os.environ.setdefault("FIELD_ENCRYPTION_KEY", "unused")
        os.environ.setdefault("DATABASE_URL", "postgres://unused")
        os.environ.setdefault("REDIS_URL", "redis://unused")
    from django.core.management import execute_from_command_line
    from environs import EnvError

    try:
        execute_from_command_line(sys.argv)
    except EnvError as error:
        sys.exit(
            f"{error}\n`make run` starts a hub with everything set; "
            "for servers of your own see the table of settings in docs/settings.md."
        )
    except KeyboardInterrupt:
        sys.exit("\nstopped")


if __name__ == "__main__":
    main()
