"""Addresses of the pages."""

from django.urls import path

from hub.pages.catalogue import catalogue
from hub.pages.coverage import coverage, coverage_csv
from hub.pages.feeds import ChangesFeed
from hub.pages.logos import logo
from hub.pages.theme import choose_theme

urlpatterns = [
    path("", catalogue, name="catalogue"),
    path("coverage", coverage, name="coverage"),
    path("coverage.csv", coverage_csv, name="coverage_csv"),
    path("theme", choose_theme, name="theme"),
    path("exporters/<slug:slug>/logo", logo, name="exporter_logo"),
    path("changes.atom", ChangesFeed(), name="changes_feed"),
]
