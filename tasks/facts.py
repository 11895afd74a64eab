"""The tasks of a facts run: start, create lookups, look up (chord header), finish (chord body).

Tokens are never in arguments or results: workers read them from Postgres.
"""

from typing import Any

from celery import shared_task

from hub.facts import runs
from hub.facts.lookup import FactsFetcher
from hub.facts.runs import facts_runs
from hub.models import Reason, RunTrigger
from hub.runs.schedule import FACTS_TASK
from tasks import WHILE_POSTGRES_RESTARTS
from tasks.rendering import request_rendering


@shared_task(name=FACTS_TASK, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def start_scheduled_facts_run() -> None:
    """Start a run on schedule, or join the open one."""
    runs.start_facts_run(RunTrigger.SCHEDULE)


@shared_task(name=facts_runs.tasks.start, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def send_facts_lookups(run_id: int) -> None:
    """Create the lookups of the run, and send the chord."""
    runs.begin_facts_run(run_id)


@shared_task(name=facts_runs.tasks.lookup)
def lookup_facts(run_id: int, exporter_id: int) -> dict[str, Any]:
    """Look up one exporter (the chord's header)."""
    return facts_runs.look_up(run_id, exporter_id, FactsFetcher)


@shared_task(name=facts_runs.tasks.finish, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def end_facts_run(_outcomes: list[dict[str, Any]], run_id: int) -> None:
    """End the run (the chord's body). Outcomes are read from Postgres, not from the argument."""
    runs.finish_facts_run(run_id)
    request_rendering()


@shared_task(name=facts_runs.tasks.finish_failed, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def end_facts_run_failed(*args: Any) -> None:
    """End the run as failed (the body's error callback). The last argument is the run's id."""
    facts_runs.fail(args[-1], Reason.INTERNAL, "finishing failed: see the worker's log")
