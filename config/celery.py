"""The Celery application. Its settings stand in `config.settings`, under `CELERY_`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("exporter_hub")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["tasks"], related_name="refresh")
app.autodiscover_tasks(["tasks"], related_name="facts")
