"""Flower's configuration (`--conf`): its metrics require the password, like its pages."""

from django.conf import settings
from flower.urls import handlers
from flower.views.monitor import Metrics
from tornado.web import authenticated


class ProtectedMetrics(Metrics):
    """Flower serves its metrics without a password."""

    get = authenticated(Metrics.get)


handlers.insert(0, (r"/metrics", ProtectedMetrics))  # the first match wins

# Reads the settings before Celery does, which would log a traceback if one is invalid.
_ = settings.CELERY_BROKER_URL
