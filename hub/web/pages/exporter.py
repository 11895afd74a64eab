"""An exporter's page and its tabs: README, kinds of content, releases and history."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import FilteredRelation, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.module_loading import import_string

from hub.catalogue.search import MIN_SIMILARITY, closest
from hub.content.content_files import (
    ContentFile,
    contents_of,
    files_of,
    not_read,
    versions_of,
    with_trees,
)
from hub.content.kinds import KINDS, Kind
from hub.content.picture_rules import kind_of_picture
from hub.content.pictures import with_pictures
from hub.github.source import Source
from hub.models import Exporter
from hub.packs.build import APPLIED_KINDS
from hub.rendering import highlight
from hub.web.pages import history, snippets
from hub.web.pages.badges import Badge, badges_of
from hub.web.pages.context import page_context
from hub.web.pages.dashboard_preview import preview
from hub.web.pages.pager import page_number, pager
from hub.web.pages.popularity import count_view, is_reader
from hub.web.pages.readme import project_readme, readme_files, texts_of
from hub.web.pictures import ShownPicture, shown_pictures
from hub.web.raw import download_path


class PageNotFound(Exception):
    """No page exists at the URL; `suggestions` links to others: (URL, label)."""

    def __init__(self, title: str, hint: str, suggestions: list[tuple[str, str]]) -> None:
        super().__init__(title)
        self.title, self.hint, self.suggestions = title, hint, suggestions


class Page:
    """The data that all tabs share. Raises `PageNotFound` for an unknown slug or version."""

    def __init__(self, request: HttpRequest, slug: str, *related: str) -> None:
        self.request = request
        self._highlightable = highlight.LONGEST
        self.shared_context = page_context()
        self.source: Source = self.shared_context["source"]
        self.exporter, self.rows = _exporter(slug, self.source.key, *related)
        self.all_files = files_of(self.rows)
        self.versions = versions_of(self.all_files)
        self.requested_version = request.GET.get("version", "")
        if self.requested_version and self.requested_version not in self.versions:
            raise _version_not_found(request.path, self.exporter, self.versions)
        self.version = self.requested_version or next(iter(self.versions), "")

    @cached_property
    def files(self) -> list[ContentFile]:
        """The files of the selected version, and those that belong to no version."""
        return [file for file in self.all_files if file.version in ("", self.version)]

    @cached_property
    def pictures(self) -> dict[str, ShownPicture]:
        """The pictures among the files of the selected version, by whole path."""
        return shown_pictures(self.exporter, self.files, self.rows)

    @cached_property
    def badges(self) -> list[Badge]:
        """The state of each kind of content."""
        return badges_of(self.rows, known=self.shared_context["known"])

    def add_url(self, kind: Kind) -> str:
        """Return GitHub's page to add a file of a kind; "" if the source has no web page."""
        directory = self.rows[0].directory if self.rows else ""
        name = kind.example if directory else f"{self.exporter.title}/{kind.example}"
        url = self.source.page_of(directory, "new")
        return f"{url}?{urlencode({'filename': name})}" if url else ""

    def language(self, code: str, language: str) -> str:
        """Return the language to highlight the code in, or "" when the page has enough of it."""
        if len(code) > self._highlightable:
            return ""
        self._highlightable -= len(code)
        return language

    def paginate(self, items: Sequence[Any], per_page: int, file: str = "") -> dict[str, Any]:
        """Return the page of a tab's `items` that the URL names (`pager`).

        `file`: the only file that the tab shows; "" for all.
        """

        def url_of(number: int) -> str:
            kept = {"version": self.requested_version, "file": file}
            kept = {name: value for name, value in kept.items() if value}
            return f"?{urlencode(kept | {'page': str(number)})}"

        return pager(items, per_page, page_number(self.request.GET.get("page", "")), url_of)

    def context(self) -> dict[str, Any]:
        """Return the template context that all tabs share."""
        return self.shared_context | {
            "page": self,
            "exporter": self.exporter,
            "badges": self.badges,
            "not_read": not_read(self.rows),
            "directories": [(row, self.source.page_of(row.directory, "tree")) for row in self.rows],
        }


class ExporterTab(NamedTuple):
    """A tab of the page. `build_context` returns the template context of this tab alone."""

    name: str
    label: str
    build_context: Callable[[Page], dict[str, Any]]
    related: tuple[str, ...] = ()  # for select_related

    @property
    def path(self) -> str:
        """The tab's path below the exporter's URL."""
        return f"/{self.name}" if self.name else ""

    @property
    def url_name(self) -> str:
        """The name of the tab's URL pattern."""
        return f"exporter_{self.name}" if self.name else "exporter"

    def view(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Show the exporter's page with this tab selected."""
        try:
            page = Page(request, slug, *self.related)
            context = page.context() | self.build_context(page)
        except PageNotFound as missing:
            return render(request, "hub/exporter/missing.html", vars(missing), status=404)
        context |= {"tabs": TABS, "current": self, "kinds": KINDS}
        response = render(request, f"hub/exporter/{self.name or 'overview'}.html", context)
        if not self.name and is_reader(request):
            count_view(page.exporter)
        return response


def _overview(page: Page) -> dict[str, Any]:
    texts = project_readme(page.exporter)
    readmes = [] if texts else readme_files(page.files)
    # Not the pack itself: to build it for every view would take longer than the rest of the page.
    may_apply = any(file.kinds.get(letter) for file in page.files for letter in APPLIED_KINDS)
    path = reverse("exporter_manifest", args=[page.exporter.slug])
    query = urlencode({"version": page.requested_version} if page.requested_version else {})
    url = page.request.build_absolute_uri(f"{path}?{query}" if query else path)
    content = [_content_of(page, *pair) for pair in zip(KINDS, page.badges, strict=True)]
    # The picture of the first dashboard, whatever kind of content it belongs to.
    first = [file for item in content for file in item["files"][:1]]
    contents = contents_of([*first, *readmes], rendered={file.sha for file in readmes})
    for item in content:
        found = [contents[file.sha].report for file in item["files"][:1] if file.sha in contents]
        boards = [board for report in found for board in report.dashboards[:1] if board.panels]
        item["boards"] = [(board, preview(board.panels)) for board in boards]
    return {
        "texts": texts or texts_of(readmes, contents, page.source, page.pictures),
        "apply": snippets.apply_pack(url) if may_apply else "",
        "content": content,
    }


def _content_of(page: Page, kind: Kind, badge: Badge) -> dict[str, Any]:
    """Return what the first tab shows of a kind: its first file, usable ones first."""
    files = [file for file in page.files if kind.letter in file.letters]
    files.sort(key=lambda file: not file.kinds[kind.letter])
    # A chart has several files: one of them alone is of no use.
    download = download_path(files[0]) if files and not files[0].is_chart else ""
    return {
        "kind": kind,
        "badge": badge,
        "files": files,
        "download": download,
        "add_url": page.add_url(kind),
    }


def _kind_tab(kind: Kind) -> ExporterTab:
    """Return the tab of a kind. Its function is imported late: its module imports this one."""
    tab = kind.tab

    def context(page: Page) -> dict[str, Any]:
        files: dict[str, Any] = import_string(tab.context)(page, kind)
        pictures = [
            picture
            for picture in page.pictures.values()
            if kind_of_picture(picture.file.path) == kind.letter
        ]
        return {"kind": kind, "add_url": page.add_url(kind), "pictures": pictures, **files}

    return ExporterTab(tab.name, tab.label, context)


def _imported_late(path: str) -> Callable[[Page], dict[str, Any]]:
    """Return a function of a module that imports this one."""
    return lambda page: import_string(path)(page)


def _releases(page: Page) -> dict[str, Any]:
    return history.releases_page(page.exporter, page.request.GET.get("page", ""))


def _changes(page: Page) -> dict[str, Any]:
    return history.changes_of(page.exporter, page.source.key, page.request.GET.get("before", ""))


TABS = (
    ExporterTab("", "Hands-on", _overview, ("readme",)),
    ExporterTab("install", "Install", _imported_late("hub.web.pages.packs.install")),
    *map(_kind_tab, KINDS),
    ExporterTab("metrics", "Metrics", _imported_late("hub.web.pages.metrics.metrics")),
    ExporterTab("releases", "Releases", _releases),
    ExporterTab("history", "History", _changes),
)


def _exporter(slug: str, source: str, *related: str) -> tuple[Exporter, list[Any]]:
    """Return the exporter and its directories, as `files_of` needs them. One query."""
    of_source = FilteredRelation("contents", condition=Q(contents__source=source))
    exporters: QuerySet[Any] = Exporter.objects.filter(slug=slug).annotate(row=of_source)
    exporters = exporters.select_related("category", "row", *related)
    found = list(with_pictures(with_trees(exporters, "row__tree_sha"), "row__tree_sha"))
    rows = []
    for each in found:  # the exporter, once for each of its directories
        if row := getattr(each, "row", None):
            row.tree_files, row.tree_judgement = each.tree_files, each.tree_judgement
            row.tree_pictures = each.tree_pictures
            rows.append(row)
    if found:
        return found[0], sorted(rows, key=lambda row: row.directory)
    names = Exporter.objects.only("slug", "title")
    similar = closest(names, slug, count=8, at_least=MIN_SIMILARITY)
    suggestions = [(reverse("exporter", args=[one.slug]), one.title) for one in similar]
    hint = "Check the spelling. Exporters with similar names:" if suggestions else ""
    raise PageNotFound("Exporter not found", hint, suggestions)


def _version_not_found(path: str, exporter: Exporter, versions: list[str]) -> PageNotFound:
    suggestions = [(f"{path}?version={version}", version) for version in versions]
    hint = "These versions exist:" if versions else "It has no folder for any version."
    title = f"{exporter.title} does not have this version"
    return PageNotFound(title, hint, suggestions or [(path, exporter.title)])
