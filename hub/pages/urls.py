"""Addresses of the pages."""

from django.urls import path

from hub.pages import status, views
from hub.pages.feeds import ChangesFeed

urlpatterns = [
    path("", views.catalogue, name="catalogue"),
    path("status", status.status_page, name="status"),
    path("status/live", status.status_live, name="status_live"),
    path("changes.atom", ChangesFeed(), name="changes_feed"),
]
