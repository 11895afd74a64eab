"""Addresses of the pages."""

from django.urls import path

from hub.pages import exporter, views
from hub.pages.feeds import ChangesFeed

urlpatterns = [
    path("", views.catalogue, name="catalogue"),
    path("exporters/<slug:slug>", exporter.hands_on, name="exporter"),
    path("exporters/<slug:slug>/iac", exporter.iac, name="exporter_iac"),
    path("exporters/<slug:slug>/alerts", exporter.alerts, name="exporter_alerts"),
    path("exporters/<slug:slug>/dashboards", exporter.dashboards, name="exporter_dashboards"),
    path("exporters/<slug:slug>/releases", exporter.releases, name="exporter_releases"),
    path("exporters/<slug:slug>/history", exporter.changes, name="exporter_history"),
    path("changes.atom", ChangesFeed(), name="changes_feed"),
]
