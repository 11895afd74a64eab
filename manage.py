#!/usr/bin/env python
"""Django's command line: `manage.py refresh`, `status`, `smallgithub`, and Django's own."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line
    from environs import EnvError

    try:
        execute_from_command_line(sys.argv)
    except EnvError as error:
        sys.exit(
            f"{error}\n`make run` starts a hub with everything set; "
            "for servers of your own see the table of settings in docs/settings.md."
        )


if __name__ == "__main__":
    main()
