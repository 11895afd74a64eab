"""Template contexts of the tabs that show an exporter's files.

Each kind in `hub.content.kinds` names the function here that builds the context of its tab.
"""

import re
import textwrap
from collections.abc import Sequence
from itertools import groupby, takewhile
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from hub.content.content_files import Content, ContentFile, contents_of, findings_of_folders
from hub.content.kinds import Kind
from hub.content.rules.report import Alert, Finding, HelmChart
from hub.rendering.highlight import highlight, language_of
from hub.web.pages import snippets
from hub.web.pages.exporter import Page, PageNotFound
from hub.web.pages.listing import listing
from hub.web.raw import download_path

_NOT_STORED = "The hub has no copy of this file: it is too large, or its format is not supported."
_LONGEST_SHOWN = 300_000  # characters; nobody reads half a megabyte of code on a page
_CHART_FILES = ("chart.yaml", "chart.yml", "charts.yaml")
_TONES = {
    "bad": {"critical", "crit", "page", "emergency", "error", "high", "disaster", "fatal", "p1"},
    "warn": {"warning", "warn", "average", "medium", "major", "minor", "p2"},
    "calm": {"info", "information", "informational", "none", "low", "notice", "p3"},
}


class ShownFile:
    """A file as a tab shows it: report, text, links to download and edit it, and commands."""

    def __init__(
        self, page: Page, kind: Kind, file: ContentFile, content: Content | None, number: int = 1
    ) -> None:
        self.file = file
        self.number = number  # within the page
        self.usable = file.kinds.get(kind.letter)
        self.report = content.report if content else None
        self.text = content.text if content else None
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
        if self.text is None:
            return "This file is not UTF-8 text."
        too_long = len(self.text) > _LONGEST_SHOWN
        return "This file is too long to show here." if too_long else ""

    @cached_property
    def code(self) -> SafeString | None:
        """The text as HTML with line numbers; None if it is not shown."""
        if self.text is None or self.why_hidden:
            return None
        return listing(self.text, language_of(self.file.path), self.file.findings, self.prefix)

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


def files(page: Page, kind: Kind, *, texts: bool = True) -> dict[str, Any]:
    """Return all files of the kind, by directory and path. `texts` loads their texts too."""
    kind_files = _files_of_kind(page, kind)
    contents = contents_of(kind_files, {file.sha for file in kind_files} if texts else ())
    return {
        "files": [
            ShownFile(page, kind, file, contents.get(file.sha), number)
            for number, file in enumerate(kind_files, start=1)
        ]
    }


def _files_of_kind(page: Page, kind: Kind) -> list[ContentFile]:
    return [file for file in page.files if kind.letter in file.kinds]


def dashboard_files(page: Page, kind: Kind) -> dict[str, Any]:
    """Return all files with dashboards. Their JSON is not shown, so it is not loaded."""
    return files(page, kind, texts=False)


# --- infrastructure as code -----------------------------------------------------------------------


def charts(page: Page, kind: Kind) -> dict[str, Any]:
    """Return charts, manifests, all files and the selected file, or raise `PageNotFound`."""
    kind_files = _files_of_kind(page, kind)
    shown = _selected_file(page, kind_files)
    values = [file for file in page.files if file.name == "values.yaml"]
    to_load = [*kind_files, *values, *([shown] if shown else [])]
    contents = contents_of(to_load, {shown.sha} if shown else ())
    folder_findings = findings_of_folders(page.rows)
    charts, manifests = [], []
    for file in kind_files:
        item = ShownFile(page, kind, file, contents.get(file.sha))
        chart = item.report.chart if item.report and file.name.casefold() in _CHART_FILES else None
        if chart:
            charts.append(_chart(page, item, chart, folder_findings, contents))
        else:
            manifests.append(item)
    return {
        "charts": charts,
        "manifests": manifests,
        "groups": [
            (directory, list(group))
            for directory, group in groupby(page.files, lambda file: file.directory)
        ],
        "shown": ShownFile(page, kind, shown, contents.get(shown.sha)) if shown else None,
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
    contents: dict[str, Content],
) -> dict[str, Any]:
    """Return a Helm chart's metadata, the keys of its values, findings and install commands."""
    file = item.file
    folder = file.whole_path.rpartition("/")[0]
    values = next((f for f in page.files if f.whole_path == f"{folder}/values.yaml"), None)
    values_content = contents.get(values.sha) if values else None
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
        "folder": folder,
        "values": values_content.report.values if values_content else (),
        "findings": [*file.findings, *chart_findings],
        "install": snippets.install_chart(
            page.source, folder, page.exporter.slug, dependencies=bool(chart.dependencies)
        ),
    }


# --- alerting rules -------------------------------------------------------------------------------


def alert_files(page: Page, kind: Kind) -> dict[str, Any]:
    """Return all files with alerting rules, each with the rows of its table of alerts."""
    return {"files": [(file, _alerts(file)) for file in files(page, kind)["files"]]}


def _alerts(shown: ShownFile) -> list[dict[str, Any]]:
    lines = shown.lines
    return [
        {
            "alert": alert,
            "expr": highlight(alert.expr, "promql"),
            "tone": tone_of(alert.severity),
            "rule": rule_text(lines, alert),
        }
        for alert in (shown.report.alerts if shown.report else ())
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
    rest = takewhile(lambda line: not line.strip() or _indent(line) > indent, lines[start + 1 :])
    return textwrap.dedent("\n".join([lines[start], *rest])).rstrip()


def _start_of_item(lines: Sequence[str], index: int) -> int | None:
    """Return the index of the line with the dash of the list item that contains `index`."""
    dash = re.match(r"\s*(- +)?", lines[index])
    if dash and dash[1]:
        return index
    indent = _indent(lines[index])
    for above in range(index - 1, max(-1, index - 200), -1):
        dash = re.match(r"(\s*)- +", lines[above])
        if dash and len(dash[0]) == indent:
            return above
        if lines[above].strip() and _indent(lines[above]) < indent:
            return None
    return None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
