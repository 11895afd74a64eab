"""`manage.py refresh`: start a refresh run and wait until it finishes."""

import json
import time
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from tqdm import tqdm

from hub import clock
from hub.content import status
from hub.content.runs import Started, start_refresh
from hub.models import Reason, RunStatus, RunTrigger

_POLL_INTERVAL = 0.1  # seconds
_EXIT_CODES = {
    RunStatus.PUBLISHED: 0,
    RunStatus.UNCHANGED: 0,
    RunStatus.FAILED: 1,
    RunStatus.NO_TOKEN: 3,
    RunStatus.HELD: 4,
}


class Command(BaseCommand):
    """Start a run, or join the run that is already open, and show its progress."""

    help = (
        "Refresh the contents and wait for the result. Exit codes: 0 published or unchanged, "
        "1 failed, 3 no token, 4 held back, 5 not finished in time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        full = "list and publish even if nothing changed"
        parser.add_argument("--json", action="store_true", help="print the run as JSON")
        parser.add_argument("--full", action="store_true", help=full)
        parser.add_argument("--no-wait", action="store_true", help="exit without waiting")

    def handle(self, *args: Any, **options: Any) -> None:
        started = start_refresh(RunTrigger.COMMAND, full=options["full"])
        if not options["json"]:
            state = "started" if started.created else "is already running"
            self.stdout.write(f"run {started.run.pk} {state}")
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
    """Poll the database until the run finishes, or until two minutes after its deadline.

    Waiting for the chord's result is not an option: `.get()` hung on a chord of 10,000 tasks.
    """
    until = started.run.deadline + timedelta(minutes=2)
    with tqdm(unit="directory", disable=quiet or None, leave=False) as bar:
        while True:
            state = _state(started)
            bar.total, bar.n = state["to_look_up"] or None, state["looked_up"]
            bar.set_description(RunStatus(state["status"]).label)
            if state["finished_at"] or clock.now() > until:
                return state
            time.sleep(_POLL_INTERVAL)


def _summary(run: dict[str, Any]) -> str:
    lines = [f"run {run['run']}: {RunStatus(run['status']).label} after {run['seconds']:.1f} s"]
    if run["reason"]:
        lines.append(f"  reason: {Reason(run['reason']).label}")
    if run["detail"]:
        lines.append(f"  detail: {run['detail']}")
    if run["directories"] is not None:
        lines.append(
            f"  {run['directories']} directories listed, {run['looked_up']} looked up, "
            f"{run['failed']} failed, {run['requests']} requests"
        )
    if not run["finished_at"]:
        lines.append("  The run has not finished. Check the workers and `manage.py status`.")
    return "\n".join(lines)
