"""Addresses of the pages."""

from django.contrib.sitemaps.views import sitemap
from django.urls import path

from hub.pages import share, status, views
from hub.pages.feeds import ChangesFeed
from hub.pages.sitemaps import SITEMAPS

urlpatterns = [
    path("", views.catalogue, name="catalogue"),
    path("status", status.status_page, name="status"),
    path("status/live", status.status_live, name="status_live"),
    path("changes.atom", ChangesFeed(), name="changes_feed"),
    path("exporters/<slug:slug>/changes.atom", ChangesFeed(), name="exporter_changes"),
    path("exporters/<slug:slug>/badge.svg", share.exporter_badge, name="exporter_badge"),
    path("llms.txt", share.llms, name="llms"),
    path("robots.txt", share.robots, name="robots"),
    path("sitemap.xml", sitemap, {"sitemaps": SITEMAPS}, name="sitemap"),
]
