"""What the tabs of the kinds show of an exporter's files, ready for their templates.

`hub.content.kinds` names the function for each kind's tab.
"""

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from hub.content.content_files import Content, ContentFile, contents_of, findings_of_folders
from hub.content.kinds import Kind
from hub.content.rules.report import Alert, AlertsForm, Chart, FileReport, Finding, Manifest
from hub.github.source import configured_source
from hub.web.pages import snippets
from hub.web.pages.exporter import NotThere, Page
from hub.web.pages.highlight import highlight, language_of, listing
from hub.web.raw import LONGEST_NAME

# Longer texts are not shown line by line: half a megabyte of lines is nothing to read.
_LONGEST_SHOWN = 300_000  # characters
_TONES = {
    "bad": {"critical", "crit", "page", "emergency", "error", "high", "disaster", "fatal", "p1"},
    "warn": {"warning", "warn", "average", "medium", "major", "minor", "p2"},
    "calm": {"info", "information", "informational", "none", "low", "notice", "p3"},
}


@dataclass(frozen=True)
class ShownFile:
    """A file with its links, and its text line by line where that is shown.

    `prefix` goes before the lines' anchors: nothing for a page's first file.
    """

    file: ContentFile
    report: FileReport | None
    links: "Links"
    number: int
    usable: bool | None = None  # for the kind that is shown
    text: str = ""
    code: SafeString | None = None
    why_not: str = ""

    @property
    def id(self) -> str:
        """Names the file within the page."""
        return f"file.{self.number}"

    @property
    def lines(self) -> list[str]:
        """The text by lines."""
        return self.text.splitlines()

    @property
    def prefix(self) -> str:
        """What goes before the lines' anchors: nothing for the page's first file."""
        return _prefix(self.number)


def _prefix(number: int) -> str:
    return "" if number == 1 else f"{number}."


class Links:
    """Where a file can be had, looked at and edited."""

    def __init__(self, request: HttpRequest, file: ContentFile) -> None:
        path = reverse("api:raw_file", kwargs={"sha": file.sha})
        self.download = f"{path}?{urlencode({'name': file.name[-LONGEST_NAME:]})}"
        self.raw = f"{self.download}&shown=true"
        self.absolute = request.build_absolute_uri(self.download)
        self.github = configured_source().page_of(file.whole_path)
        self.edit_on_github = configured_source().page_of(file.whole_path, "edit")
        query = urlencode({"directory": file.directory, "path": file.path})
        form = f"{reverse('admin:hub_contentedit_add')}?{query}"
        self.edit = form if request.user.has_perm("hub.add_contentedit") else ""


def shown_file(
    request: HttpRequest,
    file: ContentFile,
    content: Content | None,
    number: int,
    kind: Kind,
    *,
    code: bool,
) -> ShownFile:
    """The file, with its text as a listing when `code` is wanted and there is some to show."""
    text, html, why_not = (content.text if content else None), None, ""
    if code and content is None:
        why_not = (
            "The hub keeps no copy of this file: it is too large, or no text of a form it reads."
        )
    elif code and text is None:
        why_not = "This file is not text in UTF-8."
    elif text is not None and len(text) > _LONGEST_SHOWN:
        why_not = "This file is too long to be shown here."
    elif text is not None:
        html = listing(text, language_of(file.path), file.findings, _prefix(number))
    return ShownFile(
        file=file,
        report=content.report if content else None,
        links=Links(request, file),
        number=number,
        usable=file.kinds.get(kind.letter),
        text=text or "",
        code=html,
        why_not=why_not,
    )


def files(page: Page, kind: Kind, *, code: bool = True) -> dict[str, Any]:
    """Each file that speaks for the kind, by directory and path; what most templates need."""
    chosen = _of_kind(page, kind)
    contents = contents_of(chosen, {file.sha for file in chosen} if code else ())
    return {
        "files": [
            shown_file(page.request, file, contents.get(file.sha), number, kind, code=code)
            for number, file in enumerate(chosen, start=1)
        ]
    }


def _of_kind(page: Page, kind: Kind) -> list[ContentFile]:
    return [file for file in page.files if kind.letter in file.kinds]


# --- infrastructure as code -----------------------------------------------------------------------


@dataclass(frozen=True)
class ShownChart:
    """A Helm chart: its Chart.yaml, what its values are called, and how to install it."""

    file: ContentFile
    folder: str
    chart: Chart
    values: tuple[str, ...]
    usable: bool | None
    findings: tuple[Finding, ...]
    install: str


@dataclass(frozen=True)
class ShownManifest:
    """A file of Kubernetes resources, or values for a chart from elsewhere."""

    file: ContentFile
    manifests: tuple[Manifest, ...]
    values: tuple[str, ...]
    usable: bool | None
    commands: str


def charts(page: Page, kind: Kind) -> dict[str, Any]:
    """Charts and manifests, the list of files, and the one file that is shown.

    Raises `NotThere` when the address names a file that is not among them.
    """
    request, files = page.request, page.files
    speaking = _of_kind(page, kind)
    shown = _chosen(page, speaking)
    beside = [file for file in files if file.name == "values.yaml"]
    wanted = [*speaking, *beside, *([shown] if shown else [])]
    contents = contents_of(wanted, {shown.sha} if shown else ())
    folders = findings_of_folders(page.rows)
    shown_charts, manifests = [], []
    for file in speaking:
        content = contents.get(file.sha)
        usable = file.kinds[kind.letter]
        chart = content.report.chart if content and _is_chart(file) else None
        if chart is not None:
            shown_charts.append(_chart(page, file, usable, chart, folders, contents))
        else:
            manifests.append(_manifest(request, file, usable, content))
    piece = (
        shown_file(request, shown, contents.get(shown.sha), 1, kind, code=True) if shown else None
    )
    return {
        "charts": shown_charts,
        "manifests": manifests,
        "folder_findings": folders,
        "groups": [
            (directory, list(of_it)) for directory, of_it in groupby(files, lambda f: f.directory)
        ],
        "shown": piece,
        "fetch": snippets.download(piece.links.absolute, piece.file.path) if piece else "",
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
    file: ContentFile,
    usable: bool | None,
    chart: Chart,
    folders: Iterable[tuple[str, Finding]],
    contents: dict[str, Content],
) -> ShownChart:
    folder = file.whole_path.rpartition("/")[0]
    values = next((f for f in page.files if f.whole_path == f"{folder}/values.yaml"), None)
    known = contents.get(values.sha) if values else None
    inside = f"{folder.removeprefix(file.directory).removeprefix('/')}/".removeprefix("/")
    own = [
        finding
        for directory, finding in folders
        if directory == file.directory
        and (f"{finding.path}/" == inside or finding.path == "." or finding.path.startswith(inside))
    ]
    return ShownChart(
        file=file,
        folder=folder,
        chart=chart,
        values=known.report.values if known else (),
        usable=usable,
        findings=(*file.findings, *own),
        install=snippets.install_chart(
            page.source, folder, page.exporter.slug, dependencies=bool(chart.dependencies)
        ),
    )


def _manifest(
    request: HttpRequest, file: ContentFile, usable: bool | None, content: Content | None
) -> ShownManifest:
    report = content.report if content else None
    url = Links(request, file).absolute
    manifests = report.manifests if report else ()
    commands = ""
    if content is not None:
        commands = (
            snippets.apply(url, file.path) if manifests else snippets.download(url, file.path)
        )
    values = report.values if report and not manifests else ()
    return ShownManifest(file, manifests, values, usable, commands)


# --- alerting rules -------------------------------------------------------------------------------


@dataclass(frozen=True)
class ShownAlert:
    """One rule as a row of the table; `rule` is its text as the file has it."""

    alert: Alert
    expr: SafeString
    tone: str
    rule: str


@dataclass(frozen=True)
class AlertFile:
    """A file with alerting rules."""

    shown: ShownFile
    alerts: list[ShownAlert]
    form: str
    label: str
    commands: str


_FORMS = {
    AlertsForm.GROUPS: "A rule file: Prometheus loads it as it is.",
    AlertsForm.RESOURCE: "A Kubernetes resource: for Prometheus' operator, or a mounted ConfigMap.",
    AlertsForm.FRAGMENT: "A part of a rule file: put it below the groups of a file of your own.",
    AlertsForm.NESTED: "The rules stand below other keys: hand the file to Helm as values.",
    AlertsForm.TEMPLATE: "A template: Helm renders it when its chart is installed.",
}

_COMMANDS: dict[AlertsForm | None, tuple[str, Callable[[str, str], str]]] = {
    AlertsForm.GROUPS: ("Check with promtool", snippets.check_rules),
    AlertsForm.RESOURCE: ("Apply with kubectl", snippets.apply),
}


def alert_files(page: Page, kind: Kind) -> dict[str, Any]:
    """Each file with alerting rules: the rules as a table, then the file."""
    return {"files": [_alert_file(shown) for shown in files(page, kind)["files"]]}


def _alert_file(shown: ShownFile) -> AlertFile:
    report, lines = shown.report, shown.lines
    form = report.alerts_form if report else None
    label, command = _COMMANDS.get(form, ("Download", snippets.download))
    return AlertFile(
        shown=shown,
        alerts=[
            ShownAlert(
                alert,
                highlight(alert.expr, "promql"),
                tone_of(alert.severity),
                rule_text(lines, alert),
            )
            for alert in (report.alerts if report else ())
        ],
        form=_FORMS[form] if form else "",
        label=label,
        commands=command(shown.links.absolute, shown.file.path) if report else "",
    )


def tone_of(severity: str) -> str:
    """How bad a severity sounds, for its colour: bad, warn, calm or "" for a word of their own."""
    word = severity.casefold().strip()
    return next((tone for tone, words in _TONES.items() if word in words), "")


_KEY = re.compile(r"^(?P<space>\s*)(?P<dash>- +)?")


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
    depth = len(lines[start]) - len(lines[start].lstrip())
    end = start + 1
    while end < len(lines):
        line = lines[end]
        if line.strip() and len(line) - len(line.lstrip()) <= depth:
            break
        end += 1
    return textwrap.dedent("\n".join(lines[start:end])).rstrip()


def _dash_of(lines: Sequence[str], at: int) -> int | None:
    """The line of the list item that `alert:` on line `at` belongs to; within it above."""
    column = re.match(r"\s*(- +)?", lines[at])
    if column and column[1]:
        return at
    depth = len(lines[at]) - len(lines[at].lstrip())
    for above in range(at - 1, max(-1, at - 200), -1):
        found = re.match(r"(\s*)- +", lines[above])
        if found and len(found[0]) == depth:
            return above
        if lines[above].strip() and len(lines[above]) - len(lines[above].lstrip()) < depth:
            return None
    return None


# --- dashboards -----------------------------------------------------------------------------------


def dashboard_files(page: Page, kind: Kind) -> dict[str, Any]:
    """Each file with dashboards, with the commands that import it.

    The commands are "" where Grafana does not take the file as it is.
    """
    return {"files": [(shown, _import(shown)) for shown in files(page, kind, code=False)["files"]]}


def _import(shown: ShownFile) -> str:
    report = shown.report
    importable = report is not None and report.format == "json" and len(report.dashboards) == 1
    return snippets.import_dashboard(shown.links.absolute) if importable else ""
