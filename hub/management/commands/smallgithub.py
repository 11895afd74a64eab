"""`manage.py smallgithub`: alias of `manage.py fakegithub`, its former name."""

from hub.management.commands.fakegithub import Command as Command
