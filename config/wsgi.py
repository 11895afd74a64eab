"""The WSGI application that the web server runs."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver
from granian.utils.proxies import wrap_wsgi_with_proxy_headers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
if settings.TRUSTED_PROXIES:
    # The client's address is the last one in X-Forwarded-For that is not a trusted proxy.
    application = wrap_wsgi_with_proxy_headers(application, settings.TRUSTED_PROXIES)

get_resolver().url_patterns  # noqa: B018 — imports all views before the first request
