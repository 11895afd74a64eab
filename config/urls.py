"""Where each page and the API live."""

from django.contrib import admin
from django.urls import include, path

from hub.api import api
from hub.pages.views import healthz
from hub.webhooks.views import github

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("api/v1/", api.urls),
    path("webhooks/github", github, name="github_webhook"),
    path("admin/", admin.site.urls),
    path("", include("hub.pages.urls")),
]
