"""Sends the tasks of a facts run, by name: `tasks` imports the hub, not the other way round."""

from collections.abc import Sequence

from celery import chord, signature

from config.celery import app
from hub.content.refresh.dispatch import send

BEGIN = "tasks.facts.begin"
LOOK_UP = "tasks.facts.lookup_facts"
FINISH = "tasks.facts.finish"
FINISH_ERROR = "tasks.facts.finish_failed"


def begin(run_id: int) -> bool:
    """Send the run's first task. False when Redis is away: the watch then sends it later."""
    return send(BEGIN, run_id)


def look_up_and_finish(run_id: int, exporters: Sequence[int]) -> None:
    """Send the chord: a lookup for each exporter, and the end after the last.

    Never with an empty header: Celery would call the body at once, with no outcomes.
    """
    if not exporters:
        raise ValueError("a chord needs at least one exporter")
    header = [signature(LOOK_UP, args=[run_id, exporter]) for exporter in exporters]
    body = signature(FINISH, args=[run_id]).on_error(signature(FINISH_ERROR, args=[run_id]))
    chord(header)(body)


def finish(run_id: int) -> None:
    """Send the end alone: nothing is left to look up."""
    app.send_task(FINISH, args=[[], run_id])
