"""Find Grafana dashboards in a file, read their panels, and check whether Grafana would show them.

Supported forms: the classic JSON model with `panels` (since schema 14) or `rows` (before), alone or
wrapped in `{"dashboard": …}` by Grafana's API, in a ConfigMap for the sidecar or in the operator's
GrafanaDashboard; and the v2 resource with `elements`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from hub.content.rules import promql
from hub.content.rules.parsing import ParseBudget
from hub.content.rules.report import About, Dashboard, Finding, Findings, Level, Panel
from hub.content.rules.values import LineDict, dicts_in, embedded_files, resources, text_of

# Types of panels that do not query a data source.
_WITHOUT_QUERY = {"alertlist", "annolist", "canvas", "dashlist", "debug", "gettingstarted", "news"}
_WITHOUT_QUERY |= {"pluginlist", "row", "text", "welcome"}
# With any of these keys, `panels` or `rows` belong to Grafana; other tools have panels, too.
_GRAFANA_KEYS = {"schemaVersion", "templating", "timepicker", "annotations", "gnetId", "__requires"}
_MAX_DASHBOARDS = 100
_MAX_PANELS = 1_000
_MAX_ROW_DEPTH = 3
_MAX_TITLE_LENGTH = 200
# Panels and targets read in all dashboards of a file: YAML aliases may repeat them very often.
_MAX_ITEMS = 20_000
_MAX_LISTED = 200  # variables and other small lists
_RANGE = re.compile(r"\[\s*(?:\$\w+|\$\{[^{}]*\}|\[\[\w+\]\])")
_VARIABLE = re.compile(r"\$\{[^{}]*\}|\[\[\w+(?::\w+)?\]\]|\$\w+")


@dataclass
class Dashboards:
    """The results so far."""

    budget: ParseBudget
    dashboards: list[Dashboard] = field(default_factory=list)
    findings: Findings = field(default_factory=lambda: Findings(About.DASHBOARD))
    left: int = _MAX_ITEMS
    expr_budget: promql.Budget = field(default_factory=promql.Budget)

    def items_in(self, value: Any) -> Iterator[LineDict]:
        """Yield the mappings in a list of panels or targets, up to the limit of the file."""
        for item in dicts_in(value):
            self.left -= 1
            if self.left < 0:
                return
            yield item


def find_dashboards(documents: list[Any], budget: ParseBudget) -> Dashboards:
    """Find the dashboards in a file's documents."""
    found = Dashboards(budget)
    models = (each for document in documents for each in _models(found, document))
    for model, line in islice(models, _MAX_DASHBOARDS):
        _read(found, model, line)
    if found.left < 0:
        reason = f"too many panels: only the first {_MAX_ITEMS:,} are checked"
        found.findings.append(Finding(Level.WARNING, About.DASHBOARD, 1, reason))
    return found


def _models(found: Dashboards, document: Any) -> Iterator[tuple[LineDict, int]]:
    """Yield the unwrapped dashboard models, each with the offset of its line numbers."""
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
    parsed = found.budget.parse_embedded(text)
    for finding in parsed.findings:
        if finding.level == Level.ERROR:
            found.findings.warning(finding.line + line, f"in the embedded file: {finding.reason}")
    yield from ((document, line) for document in dicts_in(parsed.documents) if _is_model(document))


def _is_model(value: LineDict) -> bool:
    if isinstance(value.get("elements"), LineDict) and "layout" in value:
        return True  # schema v2
    lists = [key for key in ("panels", "rows") if isinstance(value.get(key), list)]
    if lists and _GRAFANA_KEYS & value.keys():
        return True
    titled = value.text("title") != ""
    return any(
        {"gridPos", "targets", "panels"} & item.keys() or (titled and "type" in item)
        for key in lists
        for item in islice(value.children(key), _MAX_LISTED)
    )


@dataclass(frozen=True)
class _PanelItem:
    """A panel with its queries."""

    panel: Panel
    model: LineDict
    targets: tuple[LineDict, ...]
    library: bool


def _read(found: Dashboards, model: LineDict, offset: int) -> None:
    panels = list(islice(_panels(found, model), _MAX_PANELS))
    title = _title(model)
    found.dashboards.append(
        Dashboard(
            title=title,
            panels=tuple(item.panel for item in panels),
            datasources=_datasources(model, panels),
            variables=_variables(model),
            grafana_version=_grafana_version(model),
            schema_version=model.text("schemaVersion"),
            uid=model.text("uid")[:_MAX_TITLE_LENGTH],
        )
    )
    line = model.line + offset
    if not title:
        found.findings.warning(line, "a dashboard has no title")
    name = f"dashboard {title!r}" if title else "the dashboard"
    querying = [p for p in panels if not p.library and p.panel.type not in _WITHOUT_QUERY]
    without_query = [item for item in querying if not item.targets]
    if not panels:
        found.findings.error(line, f"{name} has no panels")
    elif querying and len(without_query) == len(querying):
        found.findings.error(line, f"{name}: no panel queries a data source (`targets`)")
    else:
        for item in without_query:
            reason = f"panel {item.panel.title!r} has no queries (`targets`)"
            found.findings.warning(item.model.line + offset, reason)
    for item in panels:
        for target in item.targets:
            _check_expression(found, item, target, offset)


def _title(item: LineDict) -> str:
    return item.text("title")[:_MAX_TITLE_LENGTH]


def _panels(found: Dashboards, model: LineDict) -> Iterator[_PanelItem]:
    elements = model.get("elements")
    if isinstance(elements, LineDict):
        yield from _elements(found, elements)
        return
    for row in found.items_in(model.get("rows")):
        yield from _classic(found, row.get("panels"), _title(row), 1)
    yield from _classic(found, model.get("panels"), "", 0)


def _classic(found: Dashboards, items: Any, row: str, depth: int) -> Iterator[_PanelItem]:
    """Yield panels in order. A row contains its own panels and, if expanded, those after it."""
    for item in found.items_in(items):
        kind = item.text("type")
        if kind == "row" or (not kind and isinstance(item.get("panels"), list)):
            row = _title(item)
            if depth < _MAX_ROW_DEPTH:
                yield from _classic(found, item.get("panels"), row, depth + 1)
            continue
        targets = tuple(found.items_in(item.get("targets")))
        library = isinstance(item.get("libraryPanel"), LineDict)
        yield _PanelItem(Panel(_title(item), kind[:60], row), item, targets, library)


def _elements(found: Dashboards, elements: LineDict) -> Iterator[_PanelItem]:
    """Yield the panels of schema v2: `{name: {kind: Panel, spec: {title, data, vizConfig}}}`."""
    for element in found.items_in(list(elements.values())):
        spec = element.child("spec")
        queries = found.items_in(spec.child("data").child("spec").get("queries"))
        viz = spec.child("vizConfig")
        kind = viz.text("group") or viz.text("kind")
        targets = tuple(query.child("spec").child("query").child("spec") for query in queries)
        library = element.text("kind") == "LibraryPanel"
        yield _PanelItem(Panel(_title(spec), kind[:60]), element, targets, library)


def _datasources(model: LineDict, panels: list[_PanelItem]) -> tuple[str, ...]:
    """Return the sorted types (in old dashboards: names) of the data sources that are queried."""
    names: set[str] = set()
    for item in panels:
        for query in (item.model, *item.targets):
            source = query.child("datasource")
            names.add(source.text("type") or source.text("uid") or query.text("datasource"))
    for variable in islice(model.children("__inputs"), _MAX_LISTED):
        if variable.text("type") == "datasource":
            names.add(variable.text("pluginId"))
    return tuple(
        sorted(name[:80] for name in names if name and not name.startswith(("$", "-- ", "grafana")))
    )[:50]


def _variables(model: LineDict) -> tuple[str, ...]:
    listed = model.child("templating").get("list") or model.get("variables")
    names = (
        item.text("name") or item.child("spec").text("name")
        for item in islice(dicts_in(listed), _MAX_LISTED)
    )
    return tuple(name[:80] for name in names if name)[:100]


def _grafana_version(model: LineDict) -> str:
    """Return the version that exported the dashboard, otherwise a panel plugin's, or ""."""
    for required in islice(model.children("__requires"), _MAX_LISTED):
        if required.text("type") == "grafana":
            return required.text("version")[:40]
    versions = (p.text("pluginVersion") for p in islice(model.children("panels"), _MAX_LISTED))
    return next(filter(None, versions), "")[:40]


def _check_expression(found: Dashboards, item: _PanelItem, target: LineDict, offset: int) -> None:
    """Check a target's expression. It is never an error: Grafana shows such a panel, but empty."""
    expr = target.text("expr")
    if not expr or not _is_prometheus(target.get("datasource") or item.model.get("datasource")):
        return
    line, what = target.line + offset, f"panel {item.panel.title!r}"
    substituted = _VARIABLE.sub("x", _RANGE.sub("[5m", expr))
    try:
        problem = found.expr_budget.problem_of(substituted)
    except promql.TooComplex as reason:
        found.findings.note(line, f"{what}: an expression is {reason}")
        return
    if problem and not problem.startswith("a range vector"):
        # A variable may contain any part of the expression, so the real one may still be valid.
        level = Level.WARNING if substituted == expr else Level.NOTE
        found.findings.add(level, line, f"{what}: the expression is not valid PromQL: {problem}")


def _is_prometheus(source: Any) -> bool:
    kind = source.text("type") if isinstance(source, LineDict) else text_of(source)
    return not kind or kind.startswith("$") or "prom" in kind.casefold()
