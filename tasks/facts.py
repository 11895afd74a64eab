"""The facts of repositories as Celery tasks: start, begin, look up (chord header), finish (body).

No token ever enters an argument or a result: workers read it from Postgres themselves.
"""

import logging
from typing import Any

from celery import shared_task

from hub.facts import lookup, runs
from hub.facts.runs import facts_runs
from hub.models import Outcome, Reason, RunTrigger
from hub.runs.schedule import FACTS_TASK
from tasks.retrying import WHILE_POSTGRES_RESTARTS

logger = logging.getLogger(__name__)


@shared_task(name=FACTS_TASK, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def start_scheduled_run() -> None:
    """Beat's tick: start a run, or join the one that is still open."""
    runs.start_run(RunTrigger.SCHEDULE)


@shared_task(name=facts_runs.tasks.start, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def begin(run_id: int) -> None:
    """The run's first step: note which exporters to look up, and send the chord."""
    runs.begin(run_id)


@shared_task(name=facts_runs.tasks.lookup)
def lookup_facts(run_id: int, exporter_id: int) -> dict[str, Any]:
    """A header task of the chord. Never raises: an exception here would lose the chord's body."""
    try:
        return lookup.look_up(run_id, exporter_id).as_message()
    except Exception as fault:
        logger.exception("facts %s: exporter %s", run_id, exporter_id)
        lookup.note_fault(run_id, exporter_id, type(fault).__name__)
        return lookup.FactsResult(exporter_id, Outcome.FAILED, Reason.INTERNAL).as_message()


@shared_task(name=facts_runs.tasks.finish, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def finish(_outcomes: list[dict[str, Any]], run_id: int) -> None:
    """The chord's body. The outcomes are in Postgres already; the argument only joins the chord."""
    runs.finish(run_id)


@shared_task(name=facts_runs.tasks.finish_failed, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def finish_failed(*args: Any) -> None:
    """The body's error callback; the run's number is always the last argument."""
    facts_runs.fail(args[-1], Reason.INTERNAL, "finishing failed: see the worker's log")
