"""The task that renders READMEs and release notes after they were stored."""

from contextlib import suppress

from celery import shared_task
from kombu.exceptions import OperationalError

from hub.rendering.outdated import render_outdated
from tasks import WHILE_POSTGRES_RESTARTS

# Housekeeping sends the task again while texts are left, so that it never runs for long.
_SECONDS = 60


@shared_task(ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def render_texts() -> None:
    """Render the texts that are new, were changed, or were rendered by an older version."""
    render_outdated(_SECONDS)


def request_rendering() -> None:
    """Have new texts rendered now. If Redis is not reachable, housekeeping sends the task later."""
    with suppress(OperationalError):
        render_texts.delay()
