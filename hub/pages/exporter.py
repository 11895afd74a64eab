"""An exporter's page: a tab each for what there is to read, to run, to alert on and to graph."""

from collections.abc import Callable
from difflib import get_close_matches
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import cached_property
from django.views.decorators.http import require_safe

from hub.contents import read
from hub.contents.inventory import ContentFile, files_of, versions_of, with_trees
from hub.github.source import configured_source
from hub.models import Exporter, ExporterContents
from hub.pages import history, readme, tabs
from hub.pages.badges import badges_of
from hub.pages.popularity import count_view, is_reader

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
        self.source = configured_source()
        self.exporter = _exporter(slug, *related)
        self.served = read.current()
        rows = ExporterContents.objects.filter(source=self.source.key, exporter=self.exporter)
        self.rows = list(with_trees(rows))
        self.all_files = files_of(self.rows)
        self.versions = versions_of(self.all_files)
        self.chosen = request.GET.get("version", "")
        if self.chosen and self.chosen not in self.versions:
            raise _no_such_version(request.path, self.exporter, self.versions)
        self.version = self.chosen or next(iter(self.versions), "")

    @property
    def known(self) -> bool:
        """Whether a snapshot was ever published."""
        return self.served.snapshot_id is not None

    @cached_property
    def files(self) -> list[ContentFile]:
        """The chosen version's files, and those that lie outside of any version."""
        return [file for file in self.all_files if file.version in ("", self.version)]

    def context(self) -> dict[str, Any]:
        """What the templates of all tabs need."""
        freshness = read.freshness(self.served)
        return {
            "page": self,
            "exporter": self.exporter,
            "monogram": monogram(self.exporter.title),
            "badges": badges_of(self.rows, known=self.known),
            "freshness": freshness,
            "source": self.source,
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


def monogram(title: str) -> str:
    """The first letters of the title's first two words: drawn where there is no logo."""
    words = [
        word for word in title.replace("-", " ").replace("_", " ").split() if word[0].isalnum()
    ]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def _exporter(slug: str, *related: str) -> Exporter:
    exporter = Exporter.objects.filter(slug=slug).select_related("category", *related).first()
    if exporter is not None:
        return exporter
    titles = dict(Exporter.objects.values_list("slug", "title"))
    names = {name.casefold(): slug for slug, title in titles.items() for name in (slug, title)}
    near = get_close_matches(slug.casefold(), names, n=8, cutoff=0.5)
    near += [name for name in names if slug.casefold() in name or name in slug.casefold()]
    found = dict.fromkeys(names[name] for name in near)
    raise NotThere(
        "There is no such exporter",
        "Its name may be mistyped. These are near:" if found else "",
        [(f"/exporters/{slug}", titles[slug]) for slug in list(found)[:8]],
    )


def _no_such_version(path: str, exporter: Exporter, versions: list[str]) -> NotThere:
    there = [(f"{path}?version={version}", version) for version in versions]
    hint = (
        "These versions are there:" if versions else "None of its files lies in a version's folder."
    )
    return NotThere(
        f"{exporter.title} has no such version", hint, there or [(path, exporter.title)]
    )
