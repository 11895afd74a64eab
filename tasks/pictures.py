"""The task that fetches pictures after a publication."""

from contextlib import suppress

from celery import shared_task
from kombu.exceptions import OperationalError

from hub.content.pictures import fetch_pictures
from tasks import WHILE_POSTGRES_RESTARTS


@shared_task(ignore_result=True, **WHILE_POSTGRES_RESTARTS)
def fetch_missing_pictures() -> None:
    """Fetch some of the pictures that served directories have and the hub has not."""
    fetch_pictures()


def request_pictures() -> None:
    """Have pictures fetched now. If Redis is not reachable, housekeeping sends the task later."""
    with suppress(OperationalError):
        fetch_missing_pictures.delay()
