"""Settings, URLs, the Celery app and the WSGI application.

The Celery app is imported here so that `send_task` in the web process and in commands uses the
configured broker, not Celery's default one.
"""

import sys
from types import TracebackType

from environs import EnvError

from config.celery import app as celery_app
from hub.ops.local.environment import DifferentSource

__all__ = ["celery_app"]


def _explain_invalid_settings(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print only what to do if the settings are invalid, and a traceback for any other error."""
    if isinstance(error, EnvError):
        print(  # noqa: T201 — the settings, and so the log, are not available
            f"{error}\nSet the variable (see docs/settings.md), or use `make run`, which sets "
            "everything that a local hub needs.",
            file=sys.stderr,
        )
    elif isinstance(error, DifferentSource):
        print(error, file=sys.stderr)  # noqa: T201
    else:
        sys.__excepthook__(kind, error, trace)


# Every process and command imports this package before the settings.
sys.excepthook = _explain_invalid_settings
