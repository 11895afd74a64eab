"""Addresses of the pages."""

from django.urls import path

from hub.pages import views
from hub.pages.feeds import ChangesFeed
from hub.pages.logos import logo

urlpatterns = [
    path("", views.catalogue, name="catalogue"),
    path("exporters/<slug:slug>/logo", logo, name="exporter_logo"),
    path("changes.atom", ChangesFeed(), name="changes_feed"),
]
