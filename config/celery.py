"""The Celery application. Its settings are in `config.settings`, under `CELERY_`."""

import os
import sys
from collections.abc import Mapping
from typing import Any, cast

from celery import Celery
from celery.signals import beat_init, task_prerun, worker_init
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_PREFIX = "CELERY_"


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


@worker_init.connect
def _serve_worker_metrics(**_: object) -> None:
    # Imported late: this module is loaded before Django's models are.
    from hub.monitoring import tasks  # noqa: F401 — connects the signals of tasks
    from hub.monitoring.server import serve_metrics

    serve_metrics("worker")


@beat_init.connect
def _serve_beat_metrics(**_: object) -> None:
    from hub.monitoring.server import serve_metrics

    serve_metrics("beat")
