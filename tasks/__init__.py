"""The Celery tasks: each names its queue, its retries and its deadline, and calls the hub."""

from typing import Any

from django.db import InterfaceError, OperationalError

# Postgres restarting is no reason to fail: the task is idempotent and tries again. A connection
# that was lost is the first of these errors, and the second from its next use on.
WHILE_POSTGRES_RESTARTS: dict[str, Any] = {
    "autoretry_for": (OperationalError, InterfaceError),
    "max_retries": 5,
    "retry_backoff": 1,  # seconds, doubled each time
    "retry_backoff_max": 15,
}
