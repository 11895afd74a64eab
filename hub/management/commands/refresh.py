"""`manage.py refresh`: refresh now and wait for the end."""

import json
import time
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from tqdm import tqdm

from hub.content import status
from hub.content.runs import Started, start_refresh
from hub.models import Reason, RunStatus, RunTrigger

_POLL_EVERY = 0.1  # seconds
_EXIT_CODES = {
    RunStatus.PUBLISHED: 0,
    RunStatus.UNCHANGED: 0,
    RunStatus.FAILED: 1,
    RunStatus.NO_TOKEN: 3,
    RunStatus.HELD: 4,
}


class Command(BaseCommand):
    """Starts a run, or joins the open one, and shows its progress."""

    help = (
        "Refresh the contents and wait. Exit code: 0 published or unchanged, 1 failed, "
        "3 no token, 4 held back, 5 no worker took it in time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        full = "list, plan and publish although nothing changed"
        parser.add_argument("--json", action="store_true", help="print the ended run as JSON")
        parser.add_argument("--full", action="store_true", help=full)
        parser.add_argument("--no-wait", action="store_true", help="start and return at once")

    def handle(self, *args: Any, **options: Any) -> None:
        started = start_refresh(RunTrigger.COMMAND, full=options["full"])
        if not options["json"]:
            how = "started" if started.created else "joined"
            self.stdout.write(f"run {started.run.pk} {how}")
        run = _state(started) if options["no_wait"] else _wait(started, quiet=options["json"])
        if options["json"]:
            self.stdout.write(json.dumps(run, cls=DjangoJSONEncoder))
        elif not options["no_wait"]:
            self.stdout.write(_summary(run))
        if not options["no_wait"]:
            raise SystemExit(_EXIT_CODES.get(RunStatus(run["status"]), 5))


def _state(started: Started) -> dict[str, Any]:
    return status.describe_run(status.runs().get(pk=started.run.pk))


def _wait(started: Started, *, quiet: bool) -> dict[str, Any]:
    """Poll the run's row until it has ended or its deadline is well past.

    Not the chord's result: `.get()` on a chord of 10,000 hung.
    """
    until = started.run.deadline + timedelta(minutes=2)
    with tqdm(unit="directory", disable=quiet or None, leave=False) as bar:
        while True:
            state = _state(started)
            bar.total, bar.n = state["to_look_up"] or None, state["looked_up"]
            bar.set_description(RunStatus(state["status"]).label)
            if state["finished_at"] or timezone.now() > until:
                return state
            time.sleep(_POLL_EVERY)


def _summary(run: dict[str, Any]) -> str:
    lines = [f"run {run['run']}: {RunStatus(run['status']).label} after {run['seconds']:.1f} s"]
    if run["reason"]:
        lines.append(f"  why: {Reason(run['reason']).label}")
    if run["detail"]:
        lines.append(f"  detail: {run['detail']}")
    if run["directories"] is not None:
        lines.append(
            f"  {run['directories']} directories listed, {run['looked_up']} looked up, "
            f"{run['failed']} failed, {run['requests']} requests"
        )
    if not run["finished_at"]:
        lines.append("  still open: is a worker running? See `manage.py status`.")
    return "\n".join(lines)
