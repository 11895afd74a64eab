"""Settings, URLs, the Celery app and the WSGI application.

The Celery app is imported here so that `send_task` in the web process and in commands uses the
configured broker, not Celery's default one.
"""

from config.celery import app as celery_app

__all__ = ["celery_app"]
