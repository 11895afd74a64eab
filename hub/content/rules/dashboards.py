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
from hub.content.rules.parsing import Effort
from hub.content.rules.report import About, Dashboard, Finding, Findings, Level, Panel
from hub.content.rules.values import LineDict, dicts_in, embedded_files, resources, text_of

# Panels that show something without asking a data source.
_ASK_NOTHING = {"alertlist", "annolist", "canvas", "dashlist", "debug", "gettingstarted", "news"}
_ASK_NOTHING |= {"pluginlist", "row", "text", "welcome"}
# Any of these beside `panels` or `rows` makes it Grafana's; other tools have panels too.
_MARKS = {"schemaVersion", "templating", "timepicker", "annotations", "gnetId", "__requires"}
_MOST_DASHBOARDS = 100
_MOST_PANELS = 1_000
_DEEPEST_ROW = 3
_LONGEST_TITLE = 200
# Panels and targets looked at, over all dashboards of a file: aliases may repeat them without end.
_MOST_ITEMS = 20_000
_MOST_LISTED = 200  # variables and other small lists
_RANGE = re.compile(r"\[\s*(?:\$\w+|\$\{[^{}]*\}|\[\[\w+\]\])")
_VARIABLE = re.compile(r"\$\{[^{}]*\}|\[\[\w+(?::\w+)?\]\]|\$\w+")


@dataclass
class Dashboards:
    """What was found so far."""

    effort: Effort
    dashboards: list[Dashboard] = field(default_factory=list)
    findings: Findings = field(default_factory=lambda: Findings(About.DASHBOARD))
    left: int = _MOST_ITEMS
    budget: promql.Budget = field(default_factory=promql.Budget)

    def items_in(self, value: Any) -> Iterator[LineDict]:
        """The mappings of a list of panels or targets, as long as there may be more."""
        for item in dicts_in(value):
            self.left -= 1
            if self.left < 0:
                return
            yield item


def find_dashboards(documents: list[Any], effort: Effort) -> Dashboards:
    """The dashboards of a file's documents."""
    found = Dashboards(effort)
    models = (each for document in documents for each in _models(found, document))
    for model, line in islice(models, _MOST_DASHBOARDS):
        _read(found, model, line)
    if found.left < 0:
        reason = f"too many panels: only the first {_MOST_ITEMS:,} are judged"
        found.findings.append(Finding(Level.WARNING, About.DASHBOARD, 1, reason))
    return found


def _models(found: Dashboards, document: Any) -> Iterator[tuple[LineDict, int]]:
    """Dashboard models, unwrapped, each with what has to be added to its lines."""
    for resource in resources(document if isinstance(document, list) else [document]):
        if _is_model(resource):
            yield resource, 0
        elif resource.text("kind") == "ConfigMap":
            for name, text, line in embedded_files(resource):
                if name.endswith(".json") or '"panels"' in text:
                    yield from _embedded(found, text, line)
        else:
            for wrapped in (resource.get("dashboard"), resource.get("spec")):
                yield from _unwrapped(found, wrapped)


def _unwrapped(found: Dashboards, wrapped: Any) -> Iterator[tuple[LineDict, int]]:
    if isinstance(wrapped, str):
        yield from _embedded(found, wrapped, 0)
    elif isinstance(wrapped, LineDict):
        if _is_model(wrapped):
            yield wrapped, 0
        elif isinstance(wrapped.get("json"), str):
            yield from _embedded(found, wrapped["json"], wrapped.line_of("json"))


def _embedded(found: Dashboards, text: str, line: int) -> Iterator[tuple[LineDict, int]]:
    parsed = found.effort.parse_embedded(text)
    for finding in parsed.findings:
        if finding.level == Level.ERROR:
            found.findings.warning(finding.line + line, f"in the text: {finding.reason}")
    yield from ((document, line) for document in dicts_in(parsed.documents) if _is_model(document))


def _is_model(value: LineDict) -> bool:
    if isinstance(value.get("elements"), LineDict) and "layout" in value:
        return True  # schema v2
    lists = [key for key in ("panels", "rows") if isinstance(value.get(key), list)]
    if lists and _MARKS & value.keys():
        return True
    titled = value.text("title") != ""
    return any(
        {"gridPos", "targets", "panels"} & item.keys() or (titled and "type" in item)
        for key in lists
        for item in islice(value.children(key), _MOST_LISTED)
    )


@dataclass(frozen=True)
class _Found:
    """A panel with what it asks."""

    panel: Panel
    model: LineDict
    targets: tuple[LineDict, ...]
    library: bool


def _read(found: Dashboards, model: LineDict, offset: int) -> None:
    panels = list(islice(_panels(found, model), _MOST_PANELS))
    title = _title(model)
    found.dashboards.append(
        Dashboard(
            title=title,
            panels=tuple(item.panel for item in panels),
            datasources=_datasources(model, panels),
            variables=_variables(model),
            grafana_version=_grafana_version(model),
            schema_version=model.text("schemaVersion"),
            uid=model.text("uid")[:_LONGEST_TITLE],
        )
    )
    line = model.line + offset
    if not title:
        found.findings.warning(line, "a dashboard without a title")
    name = f"dashboard {title!r}" if title else "the dashboard"
    asking = [p for p in panels if not p.library and p.panel.type not in _ASK_NOTHING]
    silent = [item for item in asking if not item.targets]
    if not panels:
        found.findings.error(line, f"{name} has no panels")
    elif asking and len(silent) == len(asking):
        found.findings.error(line, f"{name}: no panel asks a data source (`targets`)")
    else:
        for item in silent:
            reason = f"panel {item.panel.title!r} asks nothing (`targets`)"
            found.findings.warning(item.model.line + offset, reason)
    for item in panels:
        for target in item.targets:
            _check_expression(found, item, target, offset)


def _title(item: LineDict) -> str:
    return item.text("title")[:_LONGEST_TITLE]


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
        kind = item.text("type")
        if kind == "row" or (not kind and isinstance(item.get("panels"), list)):
            row = _title(item)
            if depth < _DEEPEST_ROW:
                yield from _classic(found, item.get("panels"), row, depth + 1)
            continue
        targets = tuple(found.items_in(item.get("targets")))
        library = isinstance(item.get("libraryPanel"), LineDict)
        yield _Found(Panel(_title(item), kind[:60], row), item, targets, library)


def _elements(found: Dashboards, elements: LineDict) -> Iterator[_Found]:
    """Schema v2: `{name: {kind: Panel, spec: {title, data, vizConfig}}}`."""
    for element in found.items_in(list(elements.values())):
        spec = element.child("spec")
        queries = found.items_in(spec.child("data").child("spec").get("queries"))
        viz = spec.child("vizConfig")
        kind = viz.text("group") or viz.text("kind")
        targets = tuple(query.child("spec").child("query").child("spec") for query in queries)
        library = element.text("kind") == "LibraryPanel"
        yield _Found(Panel(_title(spec), kind[:60]), element, targets, library)


def _datasources(model: LineDict, panels: list[_Found]) -> tuple[str, ...]:
    """The kinds (or, in old dashboards, names) of data sources that are asked, sorted."""
    named: set[str] = set()
    for item in panels:
        for asking in (item.model, *item.targets):
            source = asking.child("datasource")
            named.add(source.text("type") or source.text("uid") or asking.text("datasource"))
    for given in islice(model.children("__inputs"), _MOST_LISTED):
        if given.text("type") == "datasource":
            named.add(given.text("pluginId"))
    return tuple(
        sorted(name[:80] for name in named if name and not name.startswith(("$", "-- ", "grafana")))
    )[:50]


def _variables(model: LineDict) -> tuple[str, ...]:
    listed = model.child("templating").get("list") or model.get("variables")
    names = (
        item.text("name") or item.child("spec").text("name")
        for item in islice(dicts_in(listed), _MOST_LISTED)
    )
    return tuple(name[:80] for name in names if name)[:100]


def _grafana_version(model: LineDict) -> str:
    """The version that it was exported from, or that of the newest panel plugin."""
    for required in islice(model.children("__requires"), _MOST_LISTED):
        if required.text("type") == "grafana":
            return required.text("version")[:40]
    versions = (p.text("pluginVersion") for p in islice(model.children("panels"), _MOST_LISTED))
    return next(filter(None, versions), "")[:40]


def _check_expression(found: Dashboards, item: _Found, target: LineDict, offset: int) -> None:
    """Grafana shows a panel with a bad expression, only empty: a remark, never an error."""
    expr = target.text("expr")
    if not expr or not _is_prometheus(target.get("datasource") or item.model.get("datasource")):
        return
    line, what = target.line + offset, f"panel {item.panel.title!r}"
    filled = _VARIABLE.sub("x", _RANGE.sub("[5m", expr))
    try:
        problem = found.budget.problem_of(filled)
    except promql.TooComplex as reason:
        found.findings.note(line, f"{what}: an expression is {reason}")
        return
    if problem and not problem.startswith("a range vector"):
        # Variables may stand for any part of it: what does not parse without them still may with.
        level = Level.WARNING if filled == expr else Level.NOTE
        found.findings.add(level, line, f"{what}: the expression is not valid PromQL: {problem}")


def _is_prometheus(source: Any) -> bool:
    kind = source.text("type") if isinstance(source, LineDict) else text_of(source)
    return not kind or kind.startswith("$") or "prom" in kind.casefold()
