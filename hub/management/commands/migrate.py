"""`manage.py migrate`, without a warning about changes for which `makemigrations` makes nothing."""

from django.core.management.commands import migrate

from hub.management.commands.makemigrations import Autodetector


class Command(migrate.Command):
    """Apply migrations."""

    autodetector = Autodetector
