"""What the tabs of the kinds show of an exporter's files.

`hub.content.kinds` names the function for each kind's tab.
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
from hub.web.pages import snippets
from hub.web.pages.exporter import NotThere, Page
from hub.web.pages.highlight import highlight, language_of, listing
from hub.web.raw import LONGEST_NAME

_NOT_KEPT = "The hub keeps no copy of this file: it is too large, or no text of a form it reads."
# Longer texts are not shown line by line: half a megabyte of lines is nothing to read.
_LONGEST_SHOWN = 300_000  # characters
_TONES = {
    "bad": {"critical", "crit", "page", "emergency", "error", "high", "disaster", "fatal", "p1"},
    "warn": {"warning", "warn", "average", "medium", "major", "minor", "p2"},
    "calm": {"info", "information", "informational", "none", "low", "notice", "p3"},
}


class ShownFile:
    """A file with its report, where it can be had and edited, and the commands that fetch it."""

    def __init__(
        self, page: Page, kind: Kind, file: ContentFile, content: Content | None, number: int = 1
    ) -> None:
        self.file = file
        self.number = number  # within the page
        self.usable = file.kinds.get(kind.letter)
        self.report = content.report if content else None
        self.text = content.text if content else None
        self.prefix = "" if number == 1 else f"{number}."  # of the lines' anchors

        path = reverse("api:raw_file", kwargs={"sha": file.sha})
        self.download = f"{path}?{urlencode({'name': file.name[-LONGEST_NAME:]})}"
        self.raw = f"{self.download}&shown=true"
        self.url = page.request.build_absolute_uri(self.download)
        self.edit_on_github = page.source.page_of(file.whole_path, "edit")
        query = urlencode({"directory": file.directory, "path": file.path})
        form = f"{reverse('admin:hub_contentedit_add')}?{query}"
        self.edit = form if page.request.user.has_perm("hub.add_contentedit") else ""

    @property
    def lines(self) -> list[str]:
        """The text by lines."""
        return (self.text or "").splitlines()

    @property
    def why_not(self) -> str:
        """Why the text is not shown; "" where it is."""
        if self.report is None:
            return _NOT_KEPT
        if self.text is None:
            return "This file is not text in UTF-8."
        too_long = len(self.text) > _LONGEST_SHOWN
        return "This file is too long to be shown here." if too_long else ""

    @cached_property
    def code(self) -> SafeString | None:
        """The text as a listing, where it was read and can be shown."""
        if self.text is None or self.why_not:
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
        """Empty where Grafana does not take the file as it is."""
        report = self.report
        importable = report is not None and report.format == "json" and len(report.dashboards) == 1
        return snippets.import_dashboard(self.url) if importable else ""


def files(page: Page, kind: Kind, *, texts: bool = True) -> dict[str, Any]:
    """Each file that speaks for the kind, by directory and path; what most templates need."""
    chosen = _of_kind(page, kind)
    contents = contents_of(chosen, {file.sha for file in chosen} if texts else ())
    return {
        "files": [
            ShownFile(page, kind, file, contents.get(file.sha), number)
            for number, file in enumerate(chosen, start=1)
        ]
    }


def _of_kind(page: Page, kind: Kind) -> list[ContentFile]:
    return [file for file in page.files if kind.letter in file.kinds]


def dashboard_files(page: Page, kind: Kind) -> dict[str, Any]:
    """Each file with dashboards, without its text: nobody reads that."""
    return files(page, kind, texts=False)


# --- infrastructure as code -----------------------------------------------------------------------


def charts(page: Page, kind: Kind) -> dict[str, Any]:
    """Charts and manifests, the list of files, and the one file that is shown.

    Raises `NotThere` when the address names a file that is not among them.
    """
    speaking = _of_kind(page, kind)
    shown = _chosen(page, speaking)
    values = [file for file in page.files if file.name == "values.yaml"]
    wanted = [*speaking, *values, *([shown] if shown else [])]
    contents = contents_of(wanted, {shown.sha} if shown else ())
    folder_findings = findings_of_folders(page.rows)
    charts, manifests = [], []
    for file in speaking:
        item = ShownFile(page, kind, file, contents.get(file.sha))
        chart = item.report.chart if item.report and _is_chart(file) else None
        if chart:
            charts.append(_chart(page, item, chart, folder_findings, contents))
        else:
            manifests.append(item)
    return {
        "charts": charts,
        "manifests": manifests,
        "groups": [
            (directory, list(of_it))
            for directory, of_it in groupby(page.files, lambda file: file.directory)
        ],
        "shown": ShownFile(page, kind, shown, contents.get(shown.sha)) if shown else None,
    }


def _chosen(page: Page, speaking: Sequence[ContentFile]) -> ContentFile | None:
    """The file that the address names; without a name, the first that speaks for the kind."""
    asked = page.request.GET.get("file", "")
    if not asked:
        return next(iter(speaking), None)
    for file in page.files:
        if file.whole_path == asked:
            return file
    hint = "It may have been renamed, or lie in another version."
    raise NotThere(f"There is no file {asked}", hint, [(page.request.path, "All files")])


def _is_chart(file: ContentFile) -> bool:
    return file.name.casefold() in ("chart.yaml", "chart.yml", "charts.yaml")


def _chart(
    page: Page,
    item: ShownFile,
    chart: HelmChart,
    folder_findings: list[tuple[str, Finding]],
    contents: dict[str, Content],
) -> dict[str, Any]:
    """A Helm chart: its Chart.yaml, what its values are called, and how to install it."""
    file = item.file
    folder = file.whole_path.rpartition("/")[0]
    values = next((f for f in page.files if f.whole_path == f"{folder}/values.yaml"), None)
    known = contents.get(values.sha) if values else None
    inside = f"{folder.removeprefix(file.directory).removeprefix('/')}/".removeprefix("/")
    own = [
        finding
        for directory, finding in folder_findings
        if directory == file.directory
        and (f"{finding.path}/" == inside or finding.path == "." or finding.path.startswith(inside))
    ]
    return {
        "chart": chart,
        "usable": item.usable,
        "folder": folder,
        "values": known.report.values if known else (),
        "findings": [*file.findings, *own],
        "install": snippets.install_chart(
            page.source, folder, page.exporter.slug, dependencies=bool(chart.dependencies)
        ),
    }


# --- alerting rules -------------------------------------------------------------------------------


def alert_files(page: Page, kind: Kind) -> dict[str, Any]:
    """Each file with alerting rules: the rules as rows of a table, then the file."""
    shown = files(page, kind)["files"]
    return {"files": [(file, _alerts(file)) for file in shown]}


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
    """How bad a severity sounds, for its colour: bad, warn, calm or "" for a word of their own."""
    word = severity.casefold().strip()
    return next((tone for tone, words in _TONES.items() if word in words), "")


def rule_text(lines: Sequence[str], alert: Alert) -> str:
    """The rule as its file has it, moved to the left; "" where the file holds it in another form.

    It begins at the dash of its list and ends before the next line that is indented no deeper.
    """
    at = alert.line - 1
    if not 0 <= at < len(lines) or "alert" not in lines[at]:
        return ""
    start = _dash_of(lines, at)
    if start is None:
        return ""
    depth = _depth(lines[start])
    rest = takewhile(lambda line: not line.strip() or _depth(line) > depth, lines[start + 1 :])
    return textwrap.dedent("\n".join([lines[start], *rest])).rstrip()


def _dash_of(lines: Sequence[str], at: int) -> int | None:
    """The line of the list item that `alert:` on line `at` belongs to; within it above."""
    column = re.match(r"\s*(- +)?", lines[at])
    if column and column[1]:
        return at
    depth = _depth(lines[at])
    for above in range(at - 1, max(-1, at - 200), -1):
        found = re.match(r"(\s*)- +", lines[above])
        if found and len(found[0]) == depth:
            return above
        if lines[above].strip() and _depth(lines[above]) < depth:
            return None
    return None


def _depth(line: str) -> int:
    """How many characters the line is indented by."""
    return len(line) - len(line.lstrip())
