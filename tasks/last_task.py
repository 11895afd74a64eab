"""A control command of the workers: what a worker did last, for `manage.py probe worker`."""

from time import monotonic
from typing import Any

from celery.signals import task_postrun
from celery.worker.control import inspect_command

_finished_at = monotonic()  # when this process finished a task; at first, when it started


@task_postrun.connect
def _note_the_end_of_a_task(**_: object) -> None:
    global _finished_at
    _finished_at = monotonic()


@inspect_command()
def last_task(state: Any, **_: object) -> dict[str, Any]:
    """Return how long ago this worker finished a task, and the queues that it serves."""
    return {
        "seconds_ago": monotonic() - _finished_at,
        "queues": [queue.name for queue in state.consumer.task_consumer.queues],
    }
