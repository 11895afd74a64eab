"""Grafana dashboards: where a file holds them, what is on them, and whether they would show.

Known forms: the classic JSON model with `panels` (since schema 14) or `rows` (before), the same
wrapped in `{"dashboard": …}` by Grafana's API, in a ConfigMap for the sidecar, in the operator's
GrafanaDashboard, and the v2 resource with `elements`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from hub.content.rules import promql
from hub.content.rules.parsing import Embedded, Findings, LineDict
from hub.content.rules.report import About, Dashboard, Finding, Level, Panel
from hub.content.rules.values import embedded_files, mapping_of, mappings_in, resources, text_of

# Panels that show something without asking a data source.
_ASK_NOTHING = {"alertlist", "annolist", "canvas", "dashlist", "debug", "gettingstarted", "news"}
_ASK_NOTHING |= {"pluginlist", "row", "text", "welcome"}
# Any of these beside `panels` or `rows` makes it Grafana's; other tools have panels too.
_MARKS = {"schemaVersion", "templating", "timepicker", "annotations", "gnetId", "__requires"}
_MOST_DASHBOARDS = 100
_MOST_PANELS = 1_000
_DEEPEST_ROW = 3
_LONGEST_TITLE = 200
_MOST_ITEMS = 20_000  # panels and targets of a file, which aliases may repeat endlessly
_MOST_LISTED = 200  # variables and other small lists
_RANGE = re.compile(r"\[\s*(?:\$\w+|\$\{[^{}]*\}|\[\[\w+\]\])")
_VARIABLE = re.compile(r"\$\{[^{}]*\}|\[\[\w+(?::\w+)?\]\]|\$\w+")


@dataclass
class Dashboards:
    """What was found so far."""

    embedded: Embedded
    dashboards: list[Dashboard] = field(default_factory=list)
    findings: Findings = field(default_factory=lambda: Findings(About.DASHBOARD))
    left: int = _MOST_ITEMS
    budget: promql.Budget = field(default_factory=promql.Budget)

    def items_in(self, value: Any) -> Iterator[LineDict]:
        """The mappings of a list of panels or targets, within `_MOST_ITEMS`."""
        for item in mappings_in(value):
            self.left -= 1
            if self.left < 0:
                return
            yield item


def find_dashboards(documents: list[Any], embedded: Embedded) -> Dashboards:
    """The dashboards of a file's documents."""
    found = Dashboards(embedded)
    models = (each for document in documents for each in _models(found, document))
    for model, line in islice(models, _MOST_DASHBOARDS):
        _read(found, model, line)
    if found.left < 0:
        reason = f"too many panels: only the first {_MOST_ITEMS:,} are judged"
        found.findings.append(Finding(Level.WARNING, About.DASHBOARD, 1, reason))
    return found


def _models(found: Dashboards, document: Any) -> Iterator[tuple[LineDict, int]]:
    """Unwrapped dashboard models, each with what has to be added to its lines."""
    for resource in resources(document if isinstance(document, list) else [document]):
        if isinstance(resource, LineDict):
            yield from _unwrapped(found, resource)


def _unwrapped(found: Dashboards, resource: LineDict) -> Iterator[tuple[LineDict, int]]:
    if _is_model(resource):
        yield resource, 0
        return
    if text_of(resource.get("kind")) == "ConfigMap":
        for name, text, line in embedded_files(resource):
            if name.endswith(".json") or '"panels"' in text:
                yield from _embedded(found, text, line)
        return
    for wrapped in (resource.get("dashboard"), resource.get("spec")):
        if isinstance(wrapped, str):
            yield from _embedded(found, wrapped, 0)
        elif isinstance(wrapped, LineDict):
            if _is_model(wrapped):
                yield wrapped, 0
            elif isinstance(wrapped.get("json"), str):
                yield from _embedded(found, wrapped["json"], wrapped.line_of("json"))


def _embedded(found: Dashboards, text: str, line: int) -> Iterator[tuple[LineDict, int]]:
    parsed = found.embedded.parse(text)
    for finding in parsed.findings:
        if finding.level == Level.ERROR:
            found.findings.warning(finding.line + line, f"in the text: {finding.reason}")
    for document in parsed.documents:
        if isinstance(document, LineDict) and _is_model(document):
            yield document, line


def _is_model(value: LineDict) -> bool:
    if isinstance(value.get("elements"), LineDict) and "layout" in value:
        return True  # schema v2
    for key in ("panels", "rows"):
        items = value.get(key)
        if isinstance(items, list):
            if _MARKS & value.keys():
                return True
            titled = text_of(value.get("title")) != ""
            if any(
                {"gridPos", "targets", "panels"} & item.keys() or (titled and "type" in item)
                for item in islice(mappings_in(items), _MOST_LISTED)
            ):
                return True
    return False


@dataclass(frozen=True)
class _Found:
    """A panel with its queries."""

    panel: Panel
    model: LineDict
    targets: tuple[LineDict, ...]
    library: bool


def _read(found: Dashboards, model: LineDict, line: int) -> None:
    panels = list(islice(_panels(found, model), _MOST_PANELS))
    title = _title(model)
    found.dashboards.append(
        Dashboard(
            title=title,
            panels=tuple(item.panel for item in panels),
            datasources=_datasources(model, panels),
            variables=_variables(model),
            grafana_version=_grafana_version(model),
            schema_version=text_of(model.get("schemaVersion")),
            uid=text_of(model.get("uid"))[:_LONGEST_TITLE],
        )
    )
    if not title:
        found.findings.warning(model.line + line, "a dashboard without a title")
    _check_panels(found, panels, title, model.line + line, line)
    for item in panels:
        for target in item.targets:
            _check_expression(found, item, target, line)


def _check_panels(
    found: Dashboards, panels: list[_Found], title: str, line: int, offset: int
) -> None:
    name = f"dashboard {title!r}" if title else "the dashboard"
    if not panels:
        found.findings.error(line, f"{name} has no panels")
        return
    asking = [item for item in panels if not (item.panel.type in _ASK_NOTHING or item.library)]
    silent = [item for item in asking if not item.targets]
    if asking and len(silent) == len(asking):
        found.findings.error(line, f"{name}: no panel asks a data source (`targets`)")
        return
    for item in silent:
        reason = f"panel {item.panel.title!r} asks nothing (`targets`)"
        found.findings.warning(item.model.line + offset, reason)


def _panels(found: Dashboards, model: LineDict) -> Iterator[_Found]:
    elements = model.get("elements")
    if isinstance(elements, LineDict):
        yield from _elements(found, elements)
        return
    for row in found.items_in(model.get("rows")):
        yield from _classic(found, row.get("panels"), _title(row), 1)
    yield from _classic(found, model.get("panels"), "", 0)


def _classic(found: Dashboards, items: Any, row: str, depth: int) -> Iterator[_Found]:
    """Panels in order; a row holds those inside it and, when it is open, those that follow it."""
    for item in found.items_in(items):
        kind = text_of(item.get("type"))
        if kind == "row" or (not kind and isinstance(item.get("panels"), list)):
            row = _title(item)
            if depth < _DEEPEST_ROW:
                yield from _classic(found, item.get("panels"), row, depth + 1)
            continue
        targets = tuple(found.items_in(item.get("targets")))
        library = isinstance(item.get("libraryPanel"), LineDict)
        yield _Found(Panel(_title(item), kind[:60], row), item, targets, library)


def _title(item: LineDict) -> str:
    return text_of(item.get("title"))[:_LONGEST_TITLE]


def _elements(found: Dashboards, elements: LineDict) -> Iterator[_Found]:
    """Schema v2: `{name: {kind: Panel, spec: {title, data, vizConfig}}}`."""
    for element in found.items_in(list(elements.values())):
        spec = mapping_of(element.get("spec"))
        data = mapping_of(mapping_of(spec.get("data")).get("spec"))
        queries = tuple(
            mapping_of(mapping_of(mapping_of(query.get("spec")).get("query")).get("spec"))
            for query in found.items_in(data.get("queries"))
        )
        viz = mapping_of(spec.get("vizConfig"))
        kind = text_of(viz.get("group")) or text_of(viz.get("kind"))
        library = text_of(element.get("kind")) == "LibraryPanel"
        yield _Found(Panel(_title(spec), kind[:60]), element, queries, library)


def _datasources(model: LineDict, panels: list[_Found]) -> tuple[str, ...]:
    """The kinds (or, in old dashboards, names) of data sources that are asked, sorted."""
    named: set[str] = set()
    for item in panels:
        for asked in (item.model.get("datasource"), *(t.get("datasource") for t in item.targets)):
            if isinstance(asked, LineDict):
                named.add(text_of(asked.get("type")) or text_of(asked.get("uid")))
            else:
                named.add(text_of(asked))
    for given in islice(mappings_in(model.get("__inputs")), _MOST_LISTED):
        if text_of(given.get("type")) == "datasource":
            named.add(text_of(given.get("pluginId")))
    return tuple(
        sorted(name[:80] for name in named if name and not name.startswith(("$", "-- ", "grafana")))
    )[:50]


def _variables(model: LineDict) -> tuple[str, ...]:
    listed = mapping_of(model.get("templating")).get("list") or model.get("variables")
    names = (
        text_of(item.get("name")) or text_of(mapping_of(item.get("spec")).get("name"))
        for item in islice(mappings_in(listed), _MOST_LISTED)
    )
    return tuple(name[:80] for name in names if name)[:100]


def _grafana_version(model: LineDict) -> str:
    """The version that it was exported from, or that of the newest panel plugin."""
    for required in islice(mappings_in(model.get("__requires")), _MOST_LISTED):
        if text_of(required.get("type")) == "grafana":
            return text_of(required.get("version"))[:40]
    for panel in islice(mappings_in(model.get("panels")), _MOST_LISTED):
        if version := text_of(panel.get("pluginVersion")):
            return version[:40]
    return ""


def _check_expression(found: Dashboards, item: _Found, target: LineDict, offset: int) -> None:
    """Grafana shows a panel with a bad expression, only empty: a remark, never an error."""
    expr = text_of(target.get("expr"))
    if not expr or not _is_prometheus(item, target):
        return
    filled = _VARIABLE.sub("x", _RANGE.sub("[5m", expr))
    line, what = target.line + offset, f"panel {item.panel.title!r}"
    try:
        problem = found.budget.problem_of(filled)
    except promql.TooComplex as reason:
        found.findings.note(line, f"{what}: an expression is {reason}")
        return
    if problem and not problem.startswith("a range vector"):
        # A variable may replace any part: with its value, the expression may still be valid.
        level = Level.WARNING if filled == expr else Level.NOTE
        found.findings.add(level, line, f"{what}: the expression is not valid PromQL: {problem}")


def _is_prometheus(item: _Found, target: LineDict) -> bool:
    asked = target.get("datasource") or item.model.get("datasource")
    kind = text_of(mapping_of(asked).get("type")) if isinstance(asked, LineDict) else text_of(asked)
    return not kind or kind.startswith("$") or "prom" in kind.casefold()
