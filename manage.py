#!/usr/bin/env python
"""Django's command line, with the hub's commands: README.md lists them."""

import os
import secrets
import sys

# Commands that use no server and no key, and therefore need no settings.
_STANDALONE = {"fakegithub", "smallgithub"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:2] and sys.argv[1] in _STANDALONE:
        os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(60))
        os.environ.setdefault("FIELD_ENCRYPTION_KEY", "unused")
        os.environ.setdefault("DATABASE_URL", "postgres://unused")
        os.environ.setdefault("REDIS_URL", "redis://unused")
    from django.core.management import execute_from_command_line
    from django.db import InterfaceError, OperationalError

    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        sys.exit("\nstopped")
    except (InterfaceError, OperationalError) as error:
        if "--traceback" in sys.argv:
            raise
        reason = str(error).strip()
        sys.exit(f"{reason}\nThe command needs Postgres: is it running, and is DATABASE_URL right?")


if __name__ == "__main__":
    main()
