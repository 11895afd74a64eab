"""The Celery application. Its settings are in `config.settings`, under `CELERY_`."""

import gc
import inspect
import logging
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any, cast

from celery import Celery, Task
from celery.signals import (
    beat_init,
    task_postrun,
    task_prerun,
    worker_init,
    worker_ready,
    worker_shutting_down,
)
from django.db import close_old_connections
from structlog.contextvars import bind_contextvars, clear_contextvars

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

logger = logging.getLogger(__name__)

_PREFIX = "CELERY_"
# A worker that is told to stop finishes its tasks, but no longer than this. Compose, the chart
# and `make run` kill it after 15 seconds. GitHub's responses take up to 12 seconds.
_STOP_SECONDS = 12


class HubCelery(Celery):
    """Passes only the `CELERY_` settings to Celery, without the prefix.

    With a namespace, Celery would include all of Django's settings and mask only `broker_url`, and
    Flower would show the Redis password in the worker's `CELERY_BROKER_URL` and `REDIS_URL`.
    """

    def prepare_config(self, c: Mapping[str, Any]) -> Any:
        """Filter the settings. Celery calls this when it first needs them."""
        ours = {
            name.removeprefix(_PREFIX).lower(): c[name] for name in c if name.startswith(_PREFIX)
        }
        # Celery reads this setting by its old name. By default Celery closes the thread's Postgres
        # connection around each task, and a new one costs more than the queries of a lookup.
        ours["CELERY_DB_REUSE_MAX"] = sys.maxsize
        return super().prepare_config(cast(Any, ours))


_MODULES = ("refresh", "facts", "rendering", "housekeeping", "last_task")
app = HubCelery("exporter_hub", include=[f"tasks.{name}" for name in _MODULES])
app.config_from_object("django.conf:settings")
app.set_default()  # so that `celery.current_app` is this one in every thread


@task_prerun.connect
def _check_connections(**_: object) -> None:
    """Close broken and old connections before a task, as Django does before a request."""
    # The others get a health check before their next use (`CONN_HEALTH_CHECKS`).
    close_old_connections()


@task_prerun.connect
def _bind_ids(
    task_id: str, task: Task[Any, Any], args: Sequence[Any], kwargs: dict[str, Any], **_: object
) -> None:
    """Add the task's id, and the run's if it has one, to the log lines of the task."""
    arguments = inspect.signature(task.run).bind(*args, **kwargs).arguments
    clear_contextvars()
    bind_contextvars(task_id=task_id)
    if "run_id" in arguments:
        bind_contextvars(run_id=arguments["run_id"])


@task_postrun.connect
def _unbind_ids(**_: object) -> None:
    clear_contextvars()


@worker_init.connect
def _serve_worker_metrics(**_: object) -> None:
    # Imported late: this module is loaded before Django's models are.
    from hub.monitoring import tasks  # noqa: F401 — connects the signals of tasks
    from hub.monitoring.server import serve_metrics

    serve_metrics("worker")


@worker_ready.connect
def _exempt_modules_from_garbage_collection(**_: object) -> None:
    # A publication of 10,000 directories starts full collections, which take 80 ms each for the
    # objects of the modules: up to a fifth of the publication.
    gc.freeze()


@beat_init.connect
def _serve_beat_metrics(**_: object) -> None:
    from hub.monitoring.server import serve_metrics

    serve_metrics("beat")


@worker_shutting_down.connect
def _limit_shutdown(**_: object) -> None:
    # Neither Celery nor Python can end a thread, and both wait for all of them.
    timer = threading.Timer(_STOP_SECONDS, _leave)
    timer.daemon = True
    timer.start()


def _leave() -> None:
    """End the worker although tasks are running. Their messages are not acknowledged."""
    logger.warning(
        "Tasks did not end within %d seconds. Another worker repeats them.", _STOP_SECONDS
    )
    os._exit(0)
