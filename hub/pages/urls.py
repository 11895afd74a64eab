"""Addresses of the pages."""

from django.urls import path

from hub.pages import views
from hub.pages.feeds import ChangesFeed

urlpatterns = [
    path("", views.catalogue, name="catalogue"),
    path("changes.atom", ChangesFeed(), name="changes_feed"),
]
