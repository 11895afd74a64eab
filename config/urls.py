"""The root URL configuration."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from hub.web.api import api
from hub.web.webhooks.views import github

_ICON = f"{settings.STATIC_URL}hub/favicon.svg"

urlpatterns = [
    path("api/v1/", api.urls),
    path("webhooks/github", github, name="github_webhook"),
    path("admin/", admin.site.urls),
    # Browsers request it for pages without an icon: the admin, the API docs, a badge.
    path("favicon.ico", require_safe(RedirectView.as_view(url=_ICON))),
    path("", include("hub.web.pages.urls")),
]

handler400 = "hub.web.error_pages.bad_request"
handler404 = "hub.web.error_pages.not_found"
