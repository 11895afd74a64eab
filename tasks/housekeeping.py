"""The housekeeping task, which calls the housekeeping of each area."""

from celery import shared_task

from hub.accounts.login_throttle import delete_expired_attempts
from hub.content import housekeeping as content
from hub.content.pictures import any_missing
from hub.content.runs import refresh_runs, start_first_refresh
from hub.facts import runs as facts
from hub.rendering.outdated import any_outdated
from hub.runs.schedule import HOUSEKEEPING_TASK
from hub.web.webhooks.deliveries import prune_deliveries
from tasks import WHILE_POSTGRES_RESTARTS
from tasks.pictures import request_pictures
from tasks.rendering import request_rendering


@shared_task(name=HOUSEKEEPING_TASK, ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def housekeeping() -> None:
    """Close overdue runs, resend lost messages, delete old rows.

    Have texts rendered and pictures fetched, if their messages were lost or something failed. Start
    the first runs of a new hub, if no worker could when it started.
    """
    start_first_refresh()
    refresh_runs.housekeeping()
    facts.facts_housekeeping()
    content.prune_contents()
    prune_deliveries()
    delete_expired_attempts()
    if any_outdated():
        request_rendering()
    if any_missing():
        request_pictures()
