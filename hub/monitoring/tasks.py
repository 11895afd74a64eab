"""Count and time the tasks of a worker. Importing this module connects Celery's signals."""

from time import perf_counter
from typing import Any

from celery.signals import task_postrun, task_prerun
from prometheus_client import Histogram

DURATION = Histogram(
    "exporterhub_task_duration_seconds",
    "Time to run a task, by task and the state in which it ended.",
    ["task", "state"],
    buckets=(0.1, 1, 5, 15, 60, 300),
)


@task_prerun.connect
def _start(task: Any, **_: Any) -> None:
    task.request.started = perf_counter()  # the request belongs to this execution in this thread


@task_postrun.connect
def _end(task: Any, state: str | None, **_: Any) -> None:
    # Celery has no state for a task that it returns to the queue.
    DURATION.labels(task.name, state or "REJECTED").observe(perf_counter() - task.request.started)
