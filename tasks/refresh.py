"""The refresh as Celery tasks: start, list, look up (chord header), publish (its body), watch.

No token ever enters an argument or a result: workers read it from Postgres themselves.
"""

import logging
from typing import Any

from celery import shared_task
from celery.signals import worker_ready

from hub.content.refresh import list_directories as listing
from hub.content.refresh import lookup, publish, start
from hub.content.refresh.dispatch import LIST, LOOK_UP, PUBLISH, PUBLISH_ERROR
from hub.content.refresh.housekeeping import watch
from hub.facts import runs as facts_runs
from hub.models import Reason, RunTrigger
from hub.runs.schedule import REFRESH_TASK, WATCH_TASK
from tasks.retrying import WHILE_POSTGRES_RESTARTS

logger = logging.getLogger(__name__)


@shared_task(name=REFRESH_TASK, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def start_scheduled_run() -> None:
    """Beat's tick: begin a run, or join the one that is still open."""
    start.start_run(RunTrigger.SCHEDULE)


@shared_task(name=LIST, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def list_directories(run_id: int) -> None:
    """The run's first step: list, compare, and send the chord if there is anything to look up."""
    listing.list_and_compare(run_id)


@shared_task(name=LOOK_UP)
def lookup_directory(run_id: int, directory: str, *more: str) -> dict[str, str | int]:
    """A header task of the chord, for one directory, or for several in a large run.

    Returns the outcome of the first, and how many more there were.
    """
    first = lookup.look_up(run_id, [directory, *more])[0].as_message()
    return first | {"and_more": len(more)} if more else dict(first)


@shared_task(name=PUBLISH, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def publish_contents(_outcomes: list[dict[str, str]], run_id: int) -> None:
    """The chord's body. The outcomes are in Postgres already; the argument only joins the chord."""
    publish.publish(run_id)


@shared_task(name=PUBLISH_ERROR, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def publish_failed(*args: Any) -> None:
    """The body's error callback: readers are told at once instead of at the deadline.

    Celery puts the failed task's request and error before our own argument in some versions and
    its id in others; the run's number is always the last.
    """
    publish.fail_run(args[-1], Reason.INTERNAL, "publishing failed: see the worker's log")


@shared_task(name=WATCH_TASK, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def watch_runs() -> None:
    """Beat's other tick: close what is overdue, send again what got lost."""
    watch()
    facts_runs.watch()


@worker_ready.connect
def fill_a_new_hub(**_: Any) -> None:
    """A hub that has never tried to fill its page does so when its first worker is ready."""
    started = start.start_first_run()
    facts = facts_runs.ask_about_those_without_facts(RunTrigger.STARTUP)
    logger.info(
        "first run: %s, first facts: %s",
        started.run if started else "not needed",
        facts.run if facts else "not needed",
    )
