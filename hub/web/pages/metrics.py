"""The tab *Metrics* of an exporter's page, and the marks beside alerts and panels."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from hub.catalogue.metrics import ExporterMetric, MetricPlace, MetricVerdict, metrics_of
from hub.content.content_files import contents_of
from hub.content.kinds import KINDS
from hub.content.rules.files import DirectoryFile, directory_version
from hub.content.rules.fit import is_sample, sample_file, shown_name
from hub.names.search_terms import clean
from hub.web.pages.exporter import Page
from hub.web.pages.pager import page_number, pager

_PER_PAGE = 50
_MAX_USES = 20  # shown of a metric
_SHOWN = {
    "": "All",
    "absent": "Used, not exported",
    "unused": "Exported, not used",
}
_NOT_EXPORTED = (MetricVerdict.ABSENT, MetricVerdict.UNKNOWN, MetricVerdict.OTHER)
_TABS = {kind.letter: kind.tab.name for kind in KINDS}


def place_url(slug: str, place: MetricPlace) -> str:
    """Return the URL of the tab that shows an alert or a panel."""
    return line_url(slug, place.kind, place.directory, place.path, place.line)


def line_url(slug: str, kind: str, directory: str, path: str, line: int) -> str:
    """Return the URL of a line of a file on the tab of a kind."""
    version = directory_version(path)
    pairs = ([("version", version)] if version else []) + [("file", f"{directory}/{path}")]
    return f"{reverse(f'exporter_{_TABS[kind]}', args=[slug])}?{urlencode(pairs)}#L{line}"


def metrics(page: Page) -> dict[str, Any]:
    """Return a page of the metrics that match the filter, and the samples."""
    text = clean(page.request.GET.get("q", ""))
    show = page.request.GET.get("show", "")
    show = show if show in _SHOWN else ""
    found = _of_page(page)
    matches = [each for each in found if _matches(each, show, text.casefold())]

    def url_of(number: int) -> str:
        pairs = {"version": page.requested_version, "show": show, "q": text, "page": str(number)}
        return f"?{urlencode({name: value for name, value in pairs.items() if value})}"

    pages = pager(matches, _PER_PAGE, page_number(page.request.GET.get("page", "")), url_of)
    slug = page.exporter.slug
    return {
        "pager": pages,
        "metrics": [
            (
                metric,
                [(place, place_url(slug, place)) for place in metric.uses[:_MAX_USES]],
                max(0, len(metric.uses) - _MAX_USES),
            )
            for metric in pages["page"]
        ],
        "q": text,
        "show": show,
        "filters": list(_SHOWN.items()),
        "has_sample": any(each.verdict == MetricVerdict.EXPORTED for each in found),
        "total": len(found),
        "absent": sum(each.verdict == MetricVerdict.ABSENT for each in found),
        "samples": _samples(page),
    }


def _of_page(page: Page) -> list[ExporterMetric]:
    directories = [row.directory for row in page.rows]
    return metrics_of(page.source.key, directories, page.version or None)


def _matches(metric: ExporterMetric, show: str, text: str) -> bool:
    if show == "absent" and metric.verdict not in _NOT_EXPORTED:
        return False
    if show == "unused" and (metric.uses or metric.verdict != MetricVerdict.EXPORTED):
        return False
    names = (metric.name, *metric.series)
    return not text or any(text in name.casefold() for name in names)


def _samples(page: Page) -> list[tuple[str, str, str]]:
    """Return whole path, version and where the version is from, for each sample."""
    names = [file for file in page.files if "metric" in file.name.casefold() or not file.kinds]
    contents = contents_of(names)
    found = []
    for file in names:
        content = contents.get(file.sha)
        if content and is_sample(judged := DirectoryFile.at(file.path, content.report)):
            sample = sample_file(judged)
            found.append((file.whole_path, sample.version, sample.version_source))
    return found


@dataclass(frozen=True)
class FitMark:
    """Whether the metrics of an alert or a panel fit: those that do not, by verdict."""

    absent: tuple[str, ...] = ()
    others: tuple[tuple[str, str, str], ...] = ()  # name, slug or "", title
    checked: bool = False


class FitMarks:
    """The marks of one page, from one query."""

    def __init__(self, page: Page) -> None:
        found = _of_page(page)
        self._by_name = {name: each for each in found for name in each.series or [each.name]}
        self._has_sample = any(each.verdict == MetricVerdict.EXPORTED for each in found)

    def of(self, names: Iterable[str]) -> FitMark:
        """Return the mark for what uses these names and patterns."""
        absent, others = [], []
        found = [self._by_name.get(shown_name(name)) for name in names]
        for metric in found:
            if metric and metric.verdict == MetricVerdict.ABSENT:
                absent.append(metric.name)
            elif metric and metric.verdict == MetricVerdict.OTHER:
                others.append((metric.name, *metric.others[0]))
        return FitMark(tuple(absent), tuple(others), self._has_sample and bool(found))
