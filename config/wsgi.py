"""The WSGI application that the web server runs."""

import os

from django.core.wsgi import get_wsgi_application

from config.bodies import BodiesFirst

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = BodiesFirst(get_wsgi_application())
