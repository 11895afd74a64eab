"""Connections to Postgres that outlive a task: to make one costs more than a lookup's statements.

Celery closes a thread's connection before and after each task. Here it is done as Django does
between two requests: one that is broken or older than `CONN_MAX_AGE` is closed, and any other is
looked at before its next use (`CONN_HEALTH_CHECKS`).
"""

from typing import Any

from celery import Celery
from celery.fixups.django import (  # type: ignore[attr-defined]
    DjangoFixup,
    DjangoWorkerFixup,
)
from django.db import close_old_connections


class _WorkerFixup(DjangoWorkerFixup):
    def close_database(self, **_: Any) -> None:
        """Called by Celery before and after each task."""
        close_old_connections()


class _Fixup(DjangoFixup):
    _worker_fixup: DjangoWorkerFixup | None

    @property
    def worker_fixup(self) -> DjangoWorkerFixup:
        """What adapts a worker; made when there is one, for it needs the settings."""
        if self._worker_fixup is None:
            self._worker_fixup = _WorkerFixup(self.app)
        return self._worker_fixup


def fixup(app: Celery) -> Any:
    """Celery's own adaptation to Django, but for the above."""
    return _Fixup(app).install()  # type: ignore[func-returns-value, unused-ignore]
