"""The Celery application. Its settings stand in `config.settings`, under `CELERY_`."""

import os
from collections.abc import Mapping
from typing import Any, cast

from celery import Celery
from celery.signals import worker_ready

from hub.ops.gc_freeze import settle

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_PREFIX = "CELERY_"


class HubCelery(Celery):
    """Knows Celery's settings alone, by Celery's own names.

    A worker tells its configuration to whoever asks, as Flower does on its pages. With a namespace
    Celery would keep all of Django's settings too, and knows only `broker_url` as something to be
    masked, not `CELERY_BROKER_URL` or `REDIS_URL`: the password of Redis stood there.
    """

    builtin_fixups = {"config.connections:fixup"}

    def prepare_config(self, c: Mapping[str, Any]) -> Any:
        """Called by Celery with what `config_from_object` names, when it is first needed."""
        ours = {
            name.removeprefix(_PREFIX).lower(): c[name] for name in c if name.startswith(_PREFIX)
        }
        return super().prepare_config(cast(Any, ours))


app = HubCelery("exporter_hub")
app.config_from_object("django.conf:settings")
app.autodiscover_tasks(["tasks"], related_name="refresh")
app.autodiscover_tasks(["tasks"], related_name="facts")


@worker_ready.connect
def _is_up(**_: object) -> None:
    settle()
