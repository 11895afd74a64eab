"""The tasks of a refresh: start, list, look up (the chord's header), publish (its body).

Tokens are never in arguments or results: workers read them from Postgres.
"""

import logging
from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from django.db import Error, connection

from hub.content.refresh import list_directories as listing
from hub.content.refresh import lookup, publish
from hub.content.runs import refresh_runs, start_first_refresh, start_refresh
from hub.facts.runs import start_facts_run_for
from hub.github.tokens import forget_refusals, unreadable_tokens
from hub.models import Exporter, Reason, RunTrigger
from hub.runs.schedule import REFRESH_TASK
from tasks import WHILE_POSTGRES_RESTARTS
from tasks.pictures import request_pictures
from tasks.rendering import request_rendering

logger = logging.getLogger(__name__)


@shared_task(name=REFRESH_TASK, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def start_scheduled_refresh() -> None:
    """Start a run on schedule, or join the open one."""
    start_refresh(RunTrigger.SCHEDULE)


@shared_task(name=refresh_runs.tasks.start, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def list_directories(run_id: int) -> None:
    """List the source, and send the chord if there are directories to look up."""
    listing.list_and_compare(run_id)
    # libpq never shrinks a connection's buffers. With 10,000 directories the worker grew to 260 MB,
    # as its threads listed and published in turn; without the buffers it stays below 240 MB.
    connection.close()


@shared_task(name=refresh_runs.tasks.lookup)
def lookup_directory(run_id: int, directory: str) -> dict[str, Any]:
    """Look up one directory (the chord's header)."""
    return lookup.look_up_directory(run_id, directory)


@shared_task(name=refresh_runs.tasks.finish, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def publish_contents(_outcomes: list[dict[str, Any]], run_id: int) -> None:
    """Publish the run (the chord's body). Outcomes are read from Postgres, not the argument."""
    publish.publish(run_id)
    request_rendering()
    request_pictures()
    connection.close()  # see `list_directories`


@shared_task(name=refresh_runs.tasks.finish_failed, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def publish_failed(*args: Any) -> None:
    """End the run as failed (the body's error callback), instead of at the deadline."""
    # The first arguments depend on Celery's version: the task's request and error, or its id.
    refresh_runs.fail(args[-1], Reason.INTERNAL, "publishing failed: see the worker's log")


@worker_ready.connect
def fill_a_new_hub(**_: Any) -> None:
    """Start the first runs of a new hub when a worker is ready."""
    try:
        forget_refusals()
        if unreadable := unreadable_tokens():
            logger.error("%s: %s", Reason.WRONG_KEY.label, ", ".join(unreadable))
        run = start_first_refresh()
        facts = start_facts_run_for(Exporter.objects.without_facts(), RunTrigger.STARTUP)
    except Error as error:  # Postgres is not reachable, or not migrated yet
        first_line = str(error).partition("\n")[0]
        logger.warning("first run: housekeeping starts it. The database: %s", first_line)
    else:
        logger.info("first run: %s, first facts: %s", run or "not needed", facts or "not needed")
