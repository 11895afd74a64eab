"""The Celery application. Its settings are in `config.settings`, under `CELERY_`."""

import os
import sys
from collections.abc import Mapping
from typing import Any, cast

from celery import Celery
from celery.signals import task_prerun
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_PREFIX = "CELERY_"


class HubCelery(Celery):
    """Keeps only Celery's settings, by Celery's own names.

    A worker reports its configuration on request, and Flower shows it. With a namespace Celery
    would keep all of Django's settings too, and masks only `broker_url`, not `CELERY_BROKER_URL`
    or `REDIS_URL`: the pages would show Redis' password.
    """

    def prepare_config(self, c: Mapping[str, Any]) -> Any:
        """Called by Celery with what `config_from_object` names, when it is first needed."""
        ours = {
            name.removeprefix(_PREFIX).lower(): c[name] for name in c if name.startswith(_PREFIX)
        }
        # Celery reads this one by its old name. It would close a thread's connection to Postgres
        # around each task; a new one costs more than a lookup's statements.
        ours["CELERY_DB_REUSE_MAX"] = sys.maxsize
        return super().prepare_config(cast(Any, ours))


app = HubCelery("exporter_hub", include=["tasks.refresh", "tasks.facts", "tasks.housekeeping"])
app.config_from_object("django.conf:settings")
app.set_default()  # so that `celery.current_app` is this one in every thread


@task_prerun.connect
def _check_connections(**_: object) -> None:
    """Do as Django does before a request: close connections that are broken or too old.

    The others get a health check before their next use (`CONN_HEALTH_CHECKS`).
    """
    close_old_connections()
