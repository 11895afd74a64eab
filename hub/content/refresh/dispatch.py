"""Sends the refresh's tasks, by name: `tasks` imports the hub, so the hub cannot import `tasks`."""

import logging
from collections.abc import Sequence

from celery import chord, signature
from django.conf import settings
from kombu.exceptions import OperationalError

from config.celery import app  # not Celery's current one: that is a thread's own
from hub.content.refresh.batches import batches, largest_batch

logger = logging.getLogger(__name__)

LIST = "tasks.refresh.list_directories"
LOOK_UP = "tasks.refresh.lookup_directory"
PUBLISH = "tasks.refresh.publish_contents"
PUBLISH_ERROR = "tasks.refresh.publish_failed"


def send(task: str, run_id: int, *, in_seconds: float = 0) -> bool:
    """Send the first task of a run, for a worker to begin at once or so many seconds later.

    False when Redis is away: the watch then sends it later.
    """
    # Nobody reads its result: to listen for one, Celery waits for Redis far longer and then raises.
    try:
        app.send_task(task, args=[run_id], countdown=in_seconds or None, ignore_result=True)
    except OperationalError:
        logger.warning("%s of run %s: Redis not reachable, the watch will send it", task, run_id)
        return False
    return True


def list_directories(run_id: int, *, in_seconds: float = 0) -> bool:
    """Send the first task of a refresh; False when Redis is away."""
    return send(LIST, run_id, in_seconds=in_seconds)


def look_up_and_publish(run_id: int, directories: Sequence[str]) -> None:
    """Send the chord: lookups of all directories, and the publication after the last.

    A few directories have a task each, many share them.

    Never with an empty header: Celery would call the body at once, with no outcomes.
    """
    if not directories:
        raise ValueError("a chord needs at least one directory")
    largest = largest_batch(settings.GITHUB_POINTS_PER_MINUTE)
    header = [signature(LOOK_UP, args=[run_id, *batch]) for batch in batches(directories, largest)]
    body = signature(PUBLISH, args=[run_id]).on_error(signature(PUBLISH_ERROR, args=[run_id]))
    chord(header)(body)


def publish(run_id: int) -> None:
    """Send the publication alone: everything that the run needs is known already."""
    app.send_task(PUBLISH, args=[[], run_id])
