"""Settings, addresses, the Celery app and the WSGI application.

Celery's app is imported here so that `send_task` in the web process and in commands reaches the
configured broker, not Celery's default one.
"""

from config.celery import app as celery_app

__all__ = ["celery_app"]
