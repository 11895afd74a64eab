"""An exporter's page: a tab each for what there is to read, to run, to alert on and to graph."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.module_loading import import_string

from hub.catalogue.search import MIN_SIMILARITY, closest
from hub.content.content_files import ContentFile, files_of, versions_of, with_trees
from hub.content.kinds import KINDS, Kind
from hub.github.source import Source
from hub.models import Exporter, ExporterContents
from hub.web.pages import history, readme
from hub.web.pages.badges import badges_of
from hub.web.pages.context import page_context
from hub.web.pages.popularity import count_view, is_reader


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
        self.around = page_context()
        self.source: Source = self.around["source"]
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
        return self.around | {
            "page": self,
            "exporter": self.exporter,
            "badges": badges_of(self.rows, known=self.around["known"]),
            "directories": [(row, self.source.page_of(row.directory, "tree")) for row in self.rows],
        }


class ExporterTab(NamedTuple):
    """A tab of the page. `fill` says what its template needs beside the rest."""

    name: str
    label: str
    fill: Callable[[Page], dict[str, Any]]
    related: tuple[str, ...] = ()  # rows that are read with the exporter's own

    @property
    def path(self) -> str:
        """What follows the exporter's address."""
        return f"/{self.name}" if self.name else ""

    @property
    def url_name(self) -> str:
        """What `reverse` takes."""
        return f"exporter_{self.name}" if self.name else "exporter"

    def view(self, request: HttpRequest, slug: str) -> HttpResponse:
        """The page with this tab open."""
        try:
            page = Page(request, slug, *self.related)
            context = page.context() | self.fill(page)
        except NotThere as missing:
            return render(request, "hub/exporter/missing.html", vars(missing), status=404)
        context |= {"tabs": TABS, "current": self, "kinds": KINDS}
        response = render(request, f"hub/exporter/{self.name or 'overview'}.html", context)
        if not self.name and is_reader(request):
            count_view(page.exporter)
        return response


def _overview(page: Page) -> dict[str, Any]:
    return {"readme": readme.of(page.exporter, page.files, page.source)}


def _of_kind(kind: Kind) -> ExporterTab:
    """Imported by name and late: what fills the tabs of the kinds needs this module."""
    return ExporterTab(
        kind.tab.name, kind.tab.label, lambda page: import_string(kind.tab.context)(page, kind)
    )


def _releases(page: Page) -> dict[str, Any]:
    return history.releases_page(page.exporter, page.request.GET.get("page", ""))


def _changes(page: Page) -> dict[str, Any]:
    return history.changes(page.exporter, page.source.key, page.request.GET.get("before", ""))


TABS = (
    ExporterTab("", "Hands-on", _overview, ("readme",)),
    *map(_of_kind, KINDS),
    ExporterTab("releases", "Releases", _releases),
    ExporterTab("history", "History", _changes),
)


def _exporter(slug: str, *related: str) -> Exporter:
    exporter = Exporter.objects.filter(slug=slug).select_related("category", *related).first()
    if exporter is not None:
        return exporter
    near = closest(Exporter.objects.only("slug", "title"), slug, count=8, at_least=MIN_SIMILARITY)
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
