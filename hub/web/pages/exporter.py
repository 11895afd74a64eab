"""An exporter's page: a tab each for what there is to read, to run, to alert on and to graph."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.decorators.http import require_safe

from hub.catalogue.search import LIKE_ENOUGH, closest
from hub.content.content_files import ContentFile, files_of, versions_of, with_trees
from hub.github.source import Source
from hub.models import Exporter, ExporterContents
from hub.web.pages import history, readme, tabs
from hub.web.pages.badges import badges_of
from hub.web.pages.context import frame
from hub.web.pages.popularity import count_view, is_reader

TABS = (
    ("exporter", "Hands-on"),
    ("exporter_iac", "IaC"),
    ("exporter_alerts", "Alerting rules"),
    ("exporter_dashboards", "Dashboard"),
    ("exporter_releases", "Releases"),
    ("exporter_history", "History"),
)


class NotThere(Exception):
    """What the address asks for is not there; `instead` lists what is: (address, words)."""

    def __init__(self, title: str, hint: str, instead: list[tuple[str, str]]) -> None:
        super().__init__(title)
        self.title, self.hint, self.instead = title, hint, instead


class Page:
    """What every tab of an exporter's page knows: the exporter, its files, the chosen version."""

    def __init__(self, request: HttpRequest, slug: str, *related: str) -> None:
        self.request = request
        self.exporter = _exporter(slug, *related)
        self.frame = frame()
        self.source: Source = self.frame["source"]
        rows = ExporterContents.objects.filter(source=self.source.key, exporter=self.exporter)
        self.rows = list(with_trees(rows))
        self.all_files = files_of(self.rows)
        self.versions = versions_of(self.all_files)
        self.chosen = request.GET.get("version", "")
        if self.chosen and self.chosen not in self.versions:
            raise _no_such_version(request.path, self.exporter, self.versions)
        self.version = self.chosen or next(iter(self.versions), "")

    @cached_property
    def files(self) -> list[ContentFile]:
        """The chosen version's files, and those that lie outside of any version."""
        return [file for file in self.all_files if file.version in ("", self.version)]

    def context(self) -> dict[str, Any]:
        """What the templates of all tabs need."""
        return self.frame | {
            "page": self,
            "exporter": self.exporter,
            "badges": badges_of(self.rows, known=self.frame["known"]),
            "directories": [tabs.directory(row, self.source) for row in self.rows],
        }


def tab(
    name: str, *related: str
) -> Callable[[Callable[[Page], dict[str, Any]]], Callable[..., HttpResponse]]:
    """Makes a view of a function that says what a tab's template (`name`) needs beside the rest.

    `related` rows are read with the exporter's own.
    """

    def view_of(fill: Callable[[Page], dict[str, Any]]) -> Callable[..., HttpResponse]:
        @require_safe
        @wraps(fill)
        def view(request: HttpRequest, slug: str) -> HttpResponse:
            try:
                page = Page(request, slug, *related)
                context = page.context() | fill(page)
            except NotThere as missing:
                return render(request, "hub/exporter/missing.html", vars(missing), status=404)
            context["tabs"] = [(url, words, url == f"exporter{name}") for url, words in TABS]
            template = f"hub/exporter/{name.removeprefix('_') or 'hands_on'}.html"
            response = render(request, template, context)
            if not name and is_reader(request):
                count_view(page.exporter)
            return response

        return view

    return view_of


@tab("", "readme")
def hands_on(page: Page) -> dict[str, Any]:
    """How to use the exporter, in its project's own words."""
    return {"readme": readme.of(page.exporter, page.files, page.source)}


@tab("_iac")
def iac(page: Page) -> dict[str, Any]:
    """Charts, values and manifests, and the files themselves, one at a time."""
    asked = page.request.GET.get("file", "")
    if asked and all(asked != file.whole_path for file in page.files):
        hint = "It may have been renamed, or lie in another version."
        raise NotThere(f"There is no file {asked}", hint, [(page.request.path, "All files")])
    return tabs.iac(page.request, page.exporter, page.rows, page.files, asked)


@tab("_alerts")
def alerts(page: Page) -> dict[str, Any]:
    """Each file with alerting rules: the rules as a table, then the file."""
    return {"alert_files": tabs.alerts(page.request, page.files)}


@tab("_dashboards")
def dashboards(page: Page) -> dict[str, Any]:
    """Each file with dashboards: what is on them, and how to import them."""
    return {"dashboard_files": tabs.dashboards(page.request, page.files)}


@tab("_releases")
def releases(page: Page) -> dict[str, Any]:
    """What the exporter's project published."""
    return history.releases(page.exporter, page.request.GET.get("page", ""))


@tab("_history")
def changes(page: Page) -> dict[str, Any]:
    """What the exporter gained and lost, by day."""
    before = page.request.GET.get("before", "")
    return history.changes(page.exporter, page.source.key, before)


def _exporter(slug: str, *related: str) -> Exporter:
    exporter = Exporter.objects.filter(slug=slug).select_related("category", *related).first()
    if exporter is not None:
        return exporter
    near = closest(Exporter.objects.only("slug", "title"), slug, count=8, at_least=LIKE_ENOUGH)
    instead = [(reverse("exporter", args=[one.slug]), one.title) for one in near]
    hint = "Its name may be mistyped. These are near:" if instead else ""
    raise NotThere("There is no such exporter", hint, instead)


def _no_such_version(path: str, exporter: Exporter, versions: list[str]) -> NotThere:
    there = [(f"{path}?version={version}", version) for version in versions]
    hint = (
        "These versions are there:" if versions else "None of its files lies in a version's folder."
    )
    return NotThere(
        f"{exporter.title} has no such version", hint, there or [(path, exporter.title)]
    )
