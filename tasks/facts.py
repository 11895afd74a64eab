"""The facts of repositories as Celery tasks: start, begin, look up (chord header), finish (body).

No token ever enters an argument or a result: workers read it from Postgres themselves.
"""

from typing import Any

from celery import shared_task

from hub.facts import lookup, runs
from hub.facts.runs import facts_runs
from hub.models import Reason, RunTrigger
from hub.runs.schedule import FACTS_TASK
from tasks import WHILE_POSTGRES_RESTARTS


@shared_task(name=FACTS_TASK, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def start_scheduled_facts_run() -> None:
    """Beat's tick: start a run, or join the one that is still open."""
    runs.start_facts_run(RunTrigger.SCHEDULE)


@shared_task(name=facts_runs.tasks.start, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def send_facts_lookups(run_id: int) -> None:
    """The run's first step: note which exporters to look up, and send the chord."""
    runs.begin_facts_run(run_id)


@shared_task(name=facts_runs.tasks.lookup)
def lookup_facts(run_id: int, exporter_id: int) -> dict[str, Any]:
    """A header task of the chord, for one exporter."""
    return lookup.look_up_facts(run_id, exporter_id)


@shared_task(name=facts_runs.tasks.finish, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def end_facts_run(_outcomes: list[dict[str, Any]], run_id: int) -> None:
    """The chord's body. The outcomes are in Postgres already; the argument only joins the chord."""
    runs.finish_facts_run(run_id)


@shared_task(name=facts_runs.tasks.finish_failed, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def end_facts_run_failed(*args: Any) -> None:
    """The body's error callback; the run's number is always the last argument."""
    facts_runs.fail(args[-1], Reason.INTERNAL, "finishing failed: see the worker's log")
