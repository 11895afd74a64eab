"""`manage.py probe worker` and `manage.py probe beat`: health checks of these processes."""

from datetime import timedelta
from typing import Any

from celery import current_app
from celery.utils.nodenames import default_nodename, host_format
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error
from kombu.exceptions import OperationalError

from hub import clock
from hub.runs.queues import waiting_messages
from hub.runs.schedule import schedule_status

_RESPONSE_TIMEOUT = 5.0  # seconds
# A lookup waits for the request budget and GitHub's retries for less than 3 minutes.
STUCK_AFTER = timedelta(minutes=5)


class Command(BaseCommand):
    """Fail with the reason if a process does not do its work, even if it is running."""

    help = (
        "Check what a worker or beat did last. Exit code 1 and the reason on stderr: the worker "
        "does not respond, or finishes no task although messages wait; or beat sends no tasks."
    )
    requires_system_checks: list[str] = []  # so that a probe is cheap

    def add_arguments(self, parser: CommandParser) -> None:
        name = "the worker's --hostname; by default as Celery names a worker on this machine"
        parser.add_argument("process", choices=["worker", "beat"])
        parser.add_argument("--hostname", default="", help=name)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["process"] == "beat":
            _check_beat()
        else:
            _check_worker(host_format(default_nodename(options["hostname"])))
        self.stdout.write("ok")


def _check_beat() -> None:
    try:
        beat = schedule_status(clock.now())
    except Error as error:
        raise CommandError(f"The schedule cannot be read from Postgres: {error}") from error
    if beat.beat_is_late:
        raise CommandError(f"beat has sent no task for {beat.late_by}. Restart it.")


def _check_worker(name: str) -> None:
    try:
        replies = current_app.control.broadcast(
            "last_task", destination=[name], reply=True, timeout=_RESPONSE_TIMEOUT
        )
        if not replies:
            raise CommandError(f"The worker {name} does not respond. Restart it.")
        last = replies[0][name]
        waiting = sum(waiting_messages(*last["queues"]).values())
    except OperationalError as error:
        raise CommandError(f"The broker is not reachable: {error}") from error
    if waiting and last["seconds_ago"] > STUCK_AFTER.total_seconds():
        raise CommandError(
            f"{waiting} messages wait, and the worker {name} has finished no task for "
            f"{last['seconds_ago']:.0f} seconds. Restart it."
        )
