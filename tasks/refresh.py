"""The refresh as Celery tasks: start, list, look up (the chord's header), publish (its body).

No token ever enters an argument or a result: workers read it from Postgres themselves.
"""

import logging
from typing import Any

from celery import shared_task
from celery.signals import worker_ready

from hub.content.refresh import list_directories as listing
from hub.content.refresh import lookup, publish
from hub.content.runs import refresh_runs, start_first_refresh, start_refresh
from hub.facts.runs import start_facts_run_for
from hub.models import Exporter, Reason, RunTrigger
from hub.runs.schedule import REFRESH_TASK
from tasks import WHILE_POSTGRES_RESTARTS

logger = logging.getLogger(__name__)


@shared_task(name=REFRESH_TASK, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def start_scheduled_refresh() -> None:
    """Beat's tick: start a run, or join the one that is still open."""
    start_refresh(RunTrigger.SCHEDULE)


@shared_task(name=refresh_runs.tasks.start, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def list_directories(run_id: int) -> None:
    """The run's first step: list, compare, and send the chord if there is anything to look up."""
    listing.list_and_compare(run_id)


@shared_task(name=refresh_runs.tasks.lookup)
def lookup_directory(run_id: int, directory: str) -> dict[str, Any]:
    """A header task of the chord, for one directory."""
    return lookup.look_up_directory(run_id, directory)


@shared_task(name=refresh_runs.tasks.finish, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def publish_contents(_outcomes: list[dict[str, Any]], run_id: int) -> None:
    """The chord's body. The outcomes are in Postgres already; the argument only joins the chord."""
    publish.publish(run_id)


@shared_task(name=refresh_runs.tasks.finish_failed, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def publish_failed(*args: Any) -> None:
    """The body's error callback: readers are told at once instead of at the deadline.

    Celery puts the failed task's request and error before our own argument in some versions and
    its id in others; the run's number is always the last.
    """
    refresh_runs.fail(args[-1], Reason.INTERNAL, "publishing failed: see the worker's log")


@worker_ready.connect
def fill_a_new_hub(**_: Any) -> None:
    """A hub that has never tried to fill its page does so when its first worker is ready."""
    started = start_first_refresh()
    facts = start_facts_run_for(Exporter.objects.without_facts(), RunTrigger.STARTUP)
    logger.info(
        "first run: %s, first facts: %s",
        started.run if started else "not needed",
        facts or "not needed",
    )
