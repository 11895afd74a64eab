"""Template contexts of the tabs that show an exporter's files.

Each kind in `hub.content.kinds` names the function here that builds the context of its tab.
"""

import re
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate, groupby, islice, takewhile
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from hub.content.content_files import (
    Content,
    ContentFile,
    contents_of,
    findings_of_folders,
    item_counts,
)
from hub.content.kinds import Kind
from hub.content.rules.report import Alert, Finding, HelmChart
from hub.rendering.highlight import highlight, language_of
from hub.web.pages import snippets
from hub.web.pages.dashboard_preview import preview
from hub.web.pages.exporter import Page, PageNotFound
from hub.web.pages.listing import listing
from hub.web.pages.metrics import FitMarks
from hub.web.pages.prose import with_anchors
from hub.web.pages.readme import Texts, files_about, texts_of
from hub.web.raw import download_path

_NOT_STORED = "The hub has no copy of this file: it is too large, or its format is not supported."
_TOO_LONG = "There is too much code to show it all on this page: download the file."
_MAX_CODE = 300_000  # bytes on a page; nobody reads half a megabyte of code
_FILES_PER_PAGE = 20
_ALERTS_PER_PAGE = 50
_DASHBOARDS_PER_PAGE = 10
_MAX_PANELS = 200  # of a dashboard
_MAX_LISTED = 1_000  # files
_MAX_REPORTS = 2_000_000  # bytes of the files whose reports are read for a page
_MAX_RULE_LINES = 200
_TONES = {
    "bad": {"critical", "crit", "page", "emergency", "error", "high", "disaster", "fatal", "p1"},
    "warn": {"warning", "warn", "average", "medium", "major", "minor", "p2"},
    "calm": {"info", "information", "informational", "none", "low", "notice", "p3"},
}


class ShownFile:
    """A file as a tab shows it: report, text, links to download and edit it, and commands."""

    def __init__(
        self,
        page: Page,
        kind: Kind,
        file: ContentFile,
        content: Content | None,
        number: int = 1,
        *,
        too_long: bool = False,
    ) -> None:
        self._page = page
        self.file = file
        self.number = number  # within the page
        self.usable = file.kinds.get(kind.letter)
        self.needs = file.needs
        self.report = content.report if content else None
        self.text = content.text if content else None
        self.too_long = too_long  # so its text was not loaded
        self.prefix = "" if number == 1 else f"{number}."  # of the anchors of its lines

        self.download = download_path(file)
        self.raw = f"{self.download}&shown=true"
        self.url = page.request.build_absolute_uri(self.download)
        self.edit_on_github = page.source.page_of(file.whole_path, "edit")
        query = urlencode({"directory": file.directory, "path": file.path})
        form = f"{reverse('admin:hub_contentedit_add')}?{query}"
        self.edit = form if page.request.user.has_perm("hub.add_contentedit") else ""

    @property
    def lines(self) -> list[str]:
        return (self.text or "").splitlines()

    @property
    def why_hidden(self) -> str:
        """Why the text is not shown; "" if it is shown."""
        if self.report is None:
            return _NOT_STORED
        if self.text is not None:
            return ""
        return _TOO_LONG if self.too_long else "This file is not UTF-8 text."

    @cached_property
    def code(self) -> SafeString | None:
        """The text as HTML with line numbers; None if it is not shown."""
        if self.text is None:
            return None
        language = self._page.language(self.text, language_of(self.file.path))
        return listing(self.text, language, self.file.findings, self.prefix)

    # Commands for the templates.

    def fetch(self) -> str:
        return snippets.curl_download(self.url, self.file.path)

    def check_rules(self) -> str:
        return snippets.check_rules(self.url, self.file.path)

    def apply(self) -> str:
        return snippets.kubectl_apply(self.url, self.file.path)

    def import_dashboard(self) -> str:
        """Return the import commands; "" if Grafana cannot import the file unchanged."""
        report = self.report
        importable = report is not None and report.format == "json" and len(report.dashboards) == 1
        return snippets.import_dashboard(self.url) if importable else ""


def files(page: Page, kind: Kind) -> dict[str, Any]:
    """Return a page of the files of the kind, by directory and path, with their texts."""
    pages = page.paginate(_files_of_kind(page, kind), _FILES_PER_PAGE)
    return {"pager": pages, "files": _with_texts(page, kind, list(pages["page"]))}


def _files_of_kind(page: Page, kind: Kind) -> list[ContentFile]:
    return [file for file in page.files if kind.letter in file.kinds]


def _with_texts(page: Page, kind: Kind, files: Sequence[ContentFile]) -> list[ShownFile]:
    """Return the files with their texts, until there is too much code for one page."""
    fitting = _fitting(files)
    return _shown(page, kind, files, contents_of(files, fitting), fitting)


def _fitting(files: Iterable[ContentFile]) -> set[str]:
    """Return the SHAs of the files whose texts one page shows."""
    fitting, left = set(), _MAX_CODE
    for file in files:
        if file.size <= left:
            fitting.add(file.sha)
            left -= file.size
    return fitting


def _shown(
    page: Page,
    kind: Kind,
    files: Iterable[ContentFile],
    contents: Mapping[str, Content],
    fitting: Collection[str],
) -> list[ShownFile]:
    return [
        ShownFile(
            page, kind, file, contents.get(file.sha), number, too_long=file.sha not in fitting
        )
        for number, file in enumerate(files, start=1)
    ]


def _rows_on_page(
    page: Page, kind: Kind, items: str, per_page: int, *, with_code: bool
) -> dict[str, Any]:
    """Return a page of the items of all files, as slices of the files, and the texts about them.

    A file without items takes the place of one. `with_code`: the texts of the files are loaded too.
    """
    only = page.request.GET.get("file", "")
    kind_files = [file for file in _files_of_kind(page, kind) if only in ("", file.whole_path)]
    about = files_about(kind, page.files)

    def read(files: Collection[ContentFile]) -> tuple[dict[str, Content], set[str]]:
        fitting = _fitting(files) if with_code else set()
        rendered = {file.sha for file in about}
        return contents_of([*files, *about], fitting, rendered), fitting

    # One query less than to count the items first and then read the files of the page.
    at_once = sum(file.size for file in kind_files) <= (_MAX_CODE if with_code else _MAX_REPORTS)
    if at_once:
        contents, fitting = read(kind_files)
        counts = {sha: kind.count(each.report) for sha, each in contents.items()}
    else:
        counts = item_counts((file.sha for file in kind_files), items)
    totals = [counts.get(file.sha, 0) for file in kind_files]
    ends = list(accumulate(max(1, total) for total in totals))
    pages = page.paginate(range(ends[-1] if ends else 0), per_page, only)
    first, last = pages["page"].start_index() - 1, pages["page"].end_index()
    slices = [
        (file, slice(max(first - start, 0), min(last - start, total)), total)
        for file, start, end, total in zip(kind_files, [0, *ends], ends, totals, strict=False)
        if start < last and end > first
    ]
    files = [file for file, _, _ in slices]
    if not at_once:
        contents, fitting = read(files)
    shown = _shown(page, kind, files, contents, fitting)
    return {
        "pager": pages,
        "only": only,
        "slices": [(file, *rest) for file, (_, *rest) in zip(shown, slices, strict=True)],
        "texts": texts_of(about, contents, page.source, page.pictures),
    }


# --- Helm -----------------------------------------------------------------------------------------


def charts(page: Page, kind: Kind) -> dict[str, Any]:
    """Return a page of charts and manifests, the selected file, and the list of all files."""
    kind_files = _files_of_kind(page, kind)
    shown = _selected_file(page, kind_files)
    kind_files.sort(key=lambda file: not file.is_chart)
    pages = page.paginate(kind_files, _FILES_PER_PAGE)
    values = {file.folder: file for file in page.files if file.name == "values.yaml"}
    of_charts = [values[file.folder] for file in pages["page"] if file.folder in values]
    fits = shown is not None and shown.size <= _MAX_CODE
    about = files_about(kind, page.files)
    to_load = [*pages["page"], *of_charts, *about, *([shown] if shown else [])]
    contents = contents_of(
        to_load, {shown.sha} if shown and fits else (), rendered={file.sha for file in about}
    )
    folder_findings = findings_of_folders(page.rows)
    charts, manifests = [], []
    for file in pages["page"]:
        item = ShownFile(page, kind, file, contents.get(file.sha))
        chart = item.report.chart if item.report and file.is_chart else None
        if chart:
            values_file = values.get(file.folder)
            values_content = contents.get(values_file.sha) if values_file else None
            charts.append(_chart(page, item, chart, folder_findings, values_content))
        else:
            manifests.append(item)
    listed = page.files[:_MAX_LISTED]
    return {
        "pager": pages,
        "charts": charts,
        "texts": texts_of(about, contents, page.source, page.pictures),
        "manifests": manifests,
        "groups": [
            (directory, list(group))
            for directory, group in groupby(listed, lambda file: file.directory)
        ],
        "not_listed": len(page.files) - len(listed),
        "shown": ShownFile(page, kind, shown, contents.get(shown.sha), too_long=not fits)
        if shown
        else None,
    }


def _selected_file(page: Page, kind_files: Sequence[ContentFile]) -> ContentFile | None:
    """Return the file that the URL names or, by default, the first file of the kind."""
    path = page.request.GET.get("file", "")
    if not path:
        return next(iter(kind_files), None)
    for file in page.files:
        if file.whole_path == path:
            return file
    hint = "It may have been renamed, or it may belong to another version."
    raise PageNotFound(f"File not found: {path}", hint, [(page.request.path, "All files")])


def _chart(
    page: Page,
    item: ShownFile,
    chart: HelmChart,
    folder_findings: list[tuple[str, Finding]],
    values: Content | None,
) -> dict[str, Any]:
    """Return a Helm chart's metadata, the keys of its values, findings and install commands."""
    file, folder = item.file, item.file.folder
    prefix = f"{folder.removeprefix(file.directory).removeprefix('/')}/".removeprefix("/")
    chart_findings = [
        finding
        for directory, finding in folder_findings
        if directory == file.directory
        and (f"{finding.path}/" == prefix or finding.path == "." or finding.path.startswith(prefix))
    ]
    return {
        "chart": chart,
        "usable": item.usable,
        "needs": item.needs,
        "folder": folder,
        "values": values.report.values if values else (),
        "findings": [*file.findings, *chart_findings],
        "install": snippets.install_chart(
            page.source, folder, page.exporter.slug, dependencies=bool(chart.dependencies)
        ),
    }


# --- alerting rules -------------------------------------------------------------------------------


def alert_files(page: Page, kind: Kind) -> dict[str, Any]:
    """Return a page of the alerts of all files: each file with its rows on this page."""
    rows = _rows_on_page(page, kind, "report__alerts", _ALERTS_PER_PAGE, with_code=True)
    marks = FitMarks(page)
    files = [
        (file, _alerts(page, file, part, marks), part.start + 1, part.stop, total)
        for file, part, total in rows["slices"]
    ]
    names = {row["alert"].name for _, alerts, *_ in files for row in alerts}
    return rows | {"files": files} | _runbook(rows["texts"], names)


def _runbook(texts: Texts, names: set[str]) -> dict[str, Any]:
    """Return the texts about the alerts, and the names of the alerts that have an anchor there."""
    found, anchored = [], set[str]()
    for path, url, text in texts:
        with_places, here = with_anchors(text, names - anchored)
        found.append((path, url, with_places))
        anchored |= here
    return {"texts": found, "in_runbook": anchored}


def _alerts(page: Page, shown: ShownFile, rows: slice, marks: FitMarks) -> list[dict[str, Any]]:
    lines = shown.lines
    return [
        {
            "alert": alert,
            "expr": highlight(alert.expr, page.language(alert.expr, "promql")),
            "tone": tone_of(alert.severity),
            "rule": rule_text(lines, alert),
            "mark": marks.of(alert.metrics),
        }
        for alert in (shown.report.alerts[rows] if shown.report else ())
    ]


def tone_of(severity: str) -> str:
    """Return the colour group of a severity: bad, warn, calm, or "" if it is not known."""
    word = severity.casefold().strip()
    return next((tone for tone, words in _TONES.items() if word in words), "")


def rule_text(lines: Sequence[str], alert: Alert) -> str:
    """Return the rule's lines from its file, dedented; "" if they are not a YAML list item.

    They start at the dash of the item and end before the next line that is not indented deeper.
    """
    index = alert.line - 1
    if not 0 <= index < len(lines) or "alert" not in lines[index]:
        return ""
    start = _start_of_item(lines, index)
    if start is None:
        return ""
    indent = _indent(lines[start])
    below = islice(lines, start + 1, start + _MAX_RULE_LINES)
    rest = takewhile(lambda line: not line.strip() or _indent(line) > indent, below)
    return textwrap.dedent("\n".join([lines[start], *rest])).rstrip()


def _start_of_item(lines: Sequence[str], index: int) -> int | None:
    """Return the index of the line with the dash of the list item that contains `index`."""
    dash = re.match(r"\s*(- +)?", lines[index])
    if dash and dash[1]:
        return index
    indent = _indent(lines[index])
    for above in range(index - 1, max(-1, index - _MAX_RULE_LINES), -1):
        dash = re.match(r"(\s*)- +", lines[above])
        if dash and len(dash[0]) == indent:
            return above
        if lines[above].strip() and _indent(lines[above]) < indent:
            return None
    return None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


# --- dashboards -----------------------------------------------------------------------------------


def dashboard_files(page: Page, kind: Kind) -> dict[str, Any]:
    """Return a page of the dashboards of all files. Their JSON is not shown, so not loaded."""
    rows = _rows_on_page(page, kind, "report__dashboards", _DASHBOARDS_PER_PAGE, with_code=False)
    marks = FitMarks(page)
    return rows | {
        "files": [
            (
                file,
                [
                    (
                        board,
                        preview(board.panels),
                        [(panel, marks.of(panel.metrics)) for panel in board.panels],
                    )
                    for board in (file.report.dashboards[part] if file.report else ())
                ],
            )
            for file, part, _ in rows["slices"]
        ],
        "max_panels": _MAX_PANELS,
    }
