"""URL patterns of the pages."""

from django.urls import path
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from hub.web.pages import packs, setup, share, status
from hub.web.pages.catalogue import catalogue
from hub.web.pages.changes import all_changes
from hub.web.pages.compare import compare_exporters
from hub.web.pages.coverage import coverage, coverage_csv
from hub.web.pages.directory import directory
from hub.web.pages.exporter import TABS
from hub.web.pages.feeds import ChangesFeed
from hub.web.pictures import picture
from hub.web.theme import choose_theme

feed = require_safe(ChangesFeed())

urlpatterns = [
    path("", catalogue, name="catalogue"),
    path("compare", compare_exporters, name="compare"),
    path("coverage", coverage, name="coverage"),
    path("coverage.csv", coverage_csv, name="coverage_csv"),
    path("directories/<str:directory>", directory, name="directory"),
    path("status", status.status_page, name="status"),
    path("status/live", status.status_live, name="status_live"),
    path("setup", setup.setup, name="setup"),
    path("setup/check", setup.check_setup, name="setup_check"),
    path("theme", choose_theme, name="theme"),
    path("exporters/<slug:slug>/pictures/<slug:sha>", picture, name="exporter_picture"),
    path("exporters/<slug:slug>/logo", share.logo, name="exporter_logo"),
    *(
        path(
            f"exporters/<slug:slug>{tab.path}", gzip_page(require_safe(tab.view)), name=tab.url_name
        )
        for tab in TABS
    ),
    path("exporters/<slug:slug>/pack.yaml", packs.exporter_manifest, name="exporter_manifest"),
    path("exporters/<slug:slug>/pack.zip", packs.exporter_archive, name="exporter_archive"),
    path("exporters/<slug:slug>/rules.yaml", packs.exporter_rules, name="exporter_rules"),
    path("packs", packs.packs, name="packs"),
    path("packs.yaml", packs.collection_manifest, name="packs_manifest"),
    path("packs.zip", packs.collection_archive, name="packs_archive"),
    path("changes", all_changes, name="changes"),
    path("changes.atom", feed, name="changes_feed"),
    path("exporters/<slug:slug>/changes.atom", feed, name="exporter_changes"),
    path("exporters/<slug:slug>/badge.svg", share.exporter_badge, name="exporter_badge"),
    path("llms.txt", share.llms, name="llms"),
    path("robots.txt", share.robots, name="robots"),
    path("sitemap.xml", share.sitemap, {"sitemaps": share.SITEMAPS}, name="sitemap"),
]
