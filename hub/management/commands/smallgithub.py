"""`manage.py smallgithub`: the former name of `manage.py fakegithub`."""

from hub.management.commands.fakegithub import Command as Command
