"""Thin Celery tasks that call the code in `hub`."""

from typing import Any

from django.db import InterfaceError, OperationalError

# The tasks are idempotent, so they retry while Postgres restarts. A lost connection raises
# OperationalError first, and InterfaceError each time it is used again.
WHILE_POSTGRES_RESTARTS: dict[str, Any] = {
    "autoretry_for": (OperationalError, InterfaceError),
    "max_retries": 5,
    "retry_backoff": 1,  # seconds, doubled each time
    "retry_backoff_max": 15,
}
