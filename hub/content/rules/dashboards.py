"""Find Grafana dashboards in a file, read their panels, and check whether Grafana would show them.

Supported forms: the classic JSON model with `panels` (since schema 14) or `rows` (before), alone or
wrapped in `{"dashboard": …}` by Grafana's API, in a ConfigMap for the sidecar or in the operator's
GrafanaDashboard; and the v2 resource with `elements`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from hub.content.rules import promql
from hub.content.rules.compatibility import (
    FileNeeds,
    need_of_schema_v2,
    needs_of_panel,
    needs_of_plugin,
)
from hub.content.rules.metric_names import NUMBER_STAND_IN, STAND_IN, pattern
from hub.content.rules.parsing import ParseBudget
from hub.content.rules.report import (
    About,
    Dashboard,
    Finding,
    Findings,
    Level,
    OtherQuery,
    Panel,
)
from hub.content.rules.values import (
    LineDict,
    decode_base64,
    dicts_in,
    embedded_files,
    mappings_below,
    resources,
    text_of,
)

# Types of panels that show nothing without a query. Plugins may need none, such as a clock.
_QUERYING = {
    *("barchart", "bargauge", "candlestick", "flamegraph", "gauge", "graph", "graphite", "heatmap"),
    *("heatmap-new", "histogram", "logs", "nodeGraph", "piechart", "singlestat", "stat"),
    *("state-timeline", "status-history", "table", "table-old", "timeseries", "traces", "trend"),
    *("xychart", "grafana-piechart-panel"),
}
# With any of these keys, `panels` or `rows` belong to Grafana; other tools have panels, too.
_GRAFANA_KEYS = {"schemaVersion", "templating", "timepicker", "annotations", "gnetId", "__requires"}
_PANEL_KEYS = {"gridPos", "targets", "fieldConfig", "datasource"}
# The fields of an operator's GrafanaDashboard that name a dashboard instead of containing it.
_REFERENCES = ("grafanaCom", "url", "configMapRef", "jsonnet", "jsonnetLib", "oci")
DASHBOARD_RESOURCES = {
    "GrafanaDashboard",
    "GrafanaDashboardDefinition",
    "ClusterGrafanaDashboardDefinition",
}
_UID = re.compile(r"[A-Za-z0-9_-]{0,40}")
_MAX_DASHBOARDS = 100
_MAX_PANELS = 1_000
_MAX_ROW_DEPTH = 3
_GRID_COLUMNS = 24
_MAX_Y = 10_000  # rows of the grid
_MAX_TITLE_LENGTH = 200
# Panels and targets read in all dashboards of a file: YAML aliases may repeat them very often.
_MAX_ITEMS = 20_000
_MAX_LISTED = 200  # variables and other small lists
# A variable can be written in three ways. What replaces it depends on its position: a duration in a
# range or after `offset`; elsewhere a name, or a number.
_NAME = r"\$\{[^{}]*\}|\[\[\w+(?::\w+)?\]\]|\$\w+"
_DURATION_VARIABLE = re.compile(
    rf"(\[\s*|:\s*(?=[^\[\]]*\])|\boffset\s+-?)(?:{_NAME})(?:ms|[smhdwy]\b)?", re.IGNORECASE
)
_VARIABLE = re.compile(_NAME)
# What a variable contains in other positions, if the expression is not valid with a name or number.
_OTHER_VARIABLES = [
    (re.compile(rf"(?:{_NAME})(?=\s*\([^()]*\]\s*\))"), "rate"),
    (re.compile(rf"(?:{_NAME})(?=(?:_over_time)?\s*\(|\s+(?:by|without)\b)"), "max"),
    (re.compile(rf"(?<=[{{,])\s*(?:{_NAME})(?=\s*[,}}])"), f'{STAND_IN}=""'),
    (re.compile(rf"(?<=[\w)}}\]]\s)(?:{_NAME})(?=\s+[\w({{])"), "or"),
]
# https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/
_VARIABLE_QUERY = re.compile(
    r"""\s*+(?:
        label_values\(\s*+(?:(?P<labels_of>.+),\s*+)?[^,()]*+\)
      | query_result\((?P<result>.+)\)
      | metrics\((?P<metrics>.+)\)
      | label_names\(.*\)
    )\s*""",
    re.VERBOSE | re.DOTALL,
)


@dataclass
class Dashboards:
    """The results so far."""

    budget: ParseBudget
    dashboards: list[Dashboard] = field(default_factory=list)
    findings: Findings = field(default_factory=lambda: Findings(About.DASHBOARD))
    nested: bool = False  # below other keys, such as in a chart's values
    left: int = _MAX_ITEMS
    needs: FileNeeds = field(default_factory=FileNeeds)
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
    found.needs.add_to(found.findings)
    return found


def dashboard_models(documents: list[Any], budget: ParseBudget) -> list[LineDict]:
    """Return the unwrapped dashboard models in a file's documents, without judging them."""
    found = Dashboards(budget)
    models = (model for document in documents for model, _ in _models(found, document))
    return list(islice(models, _MAX_DASHBOARDS))


def _models(found: Dashboards, document: Any) -> Iterator[tuple[LineDict, int]]:
    """Yield the unwrapped dashboard models, each with the offset of its line numbers."""
    for resource in resources(document if isinstance(document, list) else [document]):
        kind = resource.text("kind")
        if _is_model(resource):
            yield resource, 0
        elif kind in ("ConfigMap", "Secret"):
            for name, text, line in embedded_files(resource):
                if name.endswith(".json") or '"panels"' in text:
                    yield from _provisioned(found, name, text, line)
        elif kind in DASHBOARD_RESOURCES:
            yield from _operator_models(found, resource)
        elif wrapped := [v for v in map(resource.child, ("dashboard", "spec")) if _is_model(v)]:
            yield from ((value, 0) for value in wrapped)
        elif isinstance(resource.get("dashboard"), str):
            yield from _embedded(found, resource["dashboard"], 0)
        elif not resource.text("apiVersion"):
            yield from _nested(found, resource)


def _provisioned(
    found: Dashboards, name: str, text: str, line: int
) -> Iterator[tuple[LineDict, int]]:
    """Yield the dashboard in a file that Grafana reads from a folder, which takes no wrapper."""
    models = list(_embedded(found, text, line))
    yield from models
    if models:
        return
    parsed = found.budget.parse_embedded(text)
    wrapped = any(_is_model(each.child("dashboard")) for each in dicts_in(parsed.documents))
    if wrapped:
        reason = "the dashboard is wrapped in `dashboard`: Grafana's API accepts that, files do not"
        found.findings.error(line + 1, f"{name}: {reason}")
    broken = [f for f in parsed.findings if f.level == Level.ERROR or parsed.json_problem]
    level = Level.ERROR if '"panels"' in text else Level.WARNING
    for finding in broken:
        found.findings.add(level, finding.line + line, f"{name}: {finding.reason}")
    if wrapped or (broken and level == Level.ERROR):
        found.dashboards.append(Dashboard(title=name[:_MAX_TITLE_LENGTH]))


def _operator_models(found: Dashboards, resource: LineDict) -> Iterator[tuple[LineDict, int]]:
    """Yield the dashboards in a GrafanaDashboard: as text, compressed, or as a mapping."""
    spec = resource.child("spec")
    if _is_model(spec):
        yield spec, 0
    for key in ("json", "definition", "gzipJson"):
        value = spec.get(key)
        if isinstance(value, str):
            text = decode_base64(value) if key == "gzipJson" else value
            yield from _provisioned(found, key, text, spec.line_of(key))
        elif _is_model(spec.child(key)):
            yield spec.child(key), 0
    if reference := next((key for key in _REFERENCES if spec.get(key)), ""):
        line, name = spec.line_of(reference), resource.child("metadata").text("name")
        found.findings.note(line, f"the dashboard is elsewhere (`{reference}`), and is not checked")
        found.dashboards.append(Dashboard(title=name[:_MAX_TITLE_LENGTH]))


def _nested(found: Dashboards, document: LineDict) -> Iterator[tuple[LineDict, int]]:
    """Yield the dashboards that a chart's values contain as text."""
    for mapping in mappings_below(document):
        for key, value in mapping.items() if isinstance(mapping, LineDict) else ():
            if isinstance(value, str) and '"panels"' in value and value.lstrip().startswith("{"):
                for model in _embedded(found, value, mapping.line_of(key)):
                    found.nested = True
                    yield model


def _embedded(found: Dashboards, text: str, line: int) -> Iterator[tuple[LineDict, int]]:
    parsed = found.budget.parse_embedded(text)
    if not parsed.json_problem:
        yield from ((each, line) for each in dicts_in(parsed.documents) if _is_model(each))


def _is_model(value: LineDict) -> bool:
    if isinstance(value.get("elements"), LineDict) and "layout" in value:
        return True  # schema v2
    lists = [key for key in ("panels", "rows") if isinstance(value.get(key), list)]
    if lists and _GRAFANA_KEYS & value.keys():
        return True
    items = [item for key in lists for item in islice(value.children(key), _MAX_LISTED)]
    inside = [each for item in items for each in islice(item.children("panels"), _MAX_LISTED)]
    if value.text("title") and any("panels" in item for item in items) and not inside:
        return True  # rows without panels
    return any(
        _PANEL_KEYS & item.keys() or item.text("type") in _QUERYING for item in (*items, *inside)
    )


@dataclass(frozen=True)
class _Target:
    """A query of a panel, and the reference to its data source."""

    model: LineDict
    source: Any


@dataclass(frozen=True)
class _PanelItem:
    """A panel with its queries."""

    panel: Panel
    model: LineDict
    targets: tuple[_Target, ...]
    library: bool

    @property
    def needs_query(self) -> bool:
        """Whether it shows nothing without a query."""
        snapshot = self.model.get("snapshotData") or self.library
        return not snapshot and (self.panel.type in _QUERYING or not self.panel.type)


def _read(found: Dashboards, model: LineDict, offset: int) -> None:
    panels = list(islice(_panels(found, model), _MAX_PANELS))
    title, datasources = _title(model), _datasources(model, panels)
    types = _datasource_types(model)
    metrics = [_check_expressions(found, item, offset, types) for item in panels]
    found.dashboards.append(
        Dashboard(
            title=title,
            panels=tuple(
                replace(item.panel, metrics=names, line=item.model.line + offset)
                for item, names in zip(panels, metrics, strict=True)
            ),
            datasources=datasources,
            variables=_variables(model),
            grafana_version=_grafana_version(model),
            schema_version=model.text("schemaVersion"),
            uid=model.text("uid")[:_MAX_TITLE_LENGTH],
            other_queries=tuple(_other_queries(found, model, offset, types)),
        )
    )
    line = model.line + offset
    if not title:
        found.findings.error(line, "a dashboard has no title, which Grafana requires")
    if not _UID.fullmatch(model.text("uid")):
        reason = "uid must have at most 40 characters of A-Z, a-z, 0-9, - and _"
        found.findings.error(model.line_of("uid") + offset, f"{title!r}: {reason}")
    name = f"dashboard {title!r}" if title else "the dashboard"
    querying = [p for p in panels if p.needs_query]
    without_query = [item for item in querying if not item.targets]
    if not panels:
        found.findings.error(line, f"{name} has no panels")
    elif len(without_query) == len(panels):
        found.findings.error(line, f"{name}: no panel queries a data source (`targets`)")
    else:
        for item in without_query:
            reason = f"panel {item.panel.title!r} has no queries (`targets`)"
            found.findings.warning(item.model.line + offset, reason)
    if isinstance(model.get("elements"), LineDict):
        found.needs.note(line, [need_of_schema_v2()])
    for item in panels:
        panel_line = item.model.line + offset
        found.needs.note(panel_line, needs_of_panel(item.panel.type, library=item.library))
    for source in datasources:
        found.needs.note(line, needs_of_plugin(source))


def _title(item: LineDict) -> str:
    return item.text("title")[:_MAX_TITLE_LENGTH]


def _panels(found: Dashboards, model: LineDict) -> Iterator[_PanelItem]:
    elements = model.get("elements")
    if isinstance(elements, LineDict):
        yield from _elements(found, elements)
        return
    library = model.child("__elements")
    for row in found.items_in(model.get("rows")):
        collapsed = row.get("collapse") is True
        panels = row.get("panels")
        yield from _classic(found, panels, library, _title(row), 1, collapsed=collapsed)
    yield from _classic(found, model.get("panels"), library, "", 0)


def _classic(
    found: Dashboards,
    items: Any,
    library: LineDict,
    row: str,
    depth: int,
    *,
    collapsed: bool = False,
) -> Iterator[_PanelItem]:
    """Yield panels in order. A row contains its own panels and, if expanded, those after it.

    `library`: the library panels that were exported with the dashboard, by uid.
    """
    for item in found.items_in(items):
        kind = item.text("type")
        if kind == "row" or (not kind and isinstance(item.get("panels"), list)):
            row = _title(item)
            if depth < _MAX_ROW_DEPTH:
                # Only a collapsed row contains its panels.
                panels = item.get("panels")
                yield from _classic(found, panels, library, row, depth + 1, collapsed=True)
            continue
        reference = item.child("libraryPanel")
        panel = library.child(reference.text("uid")).child("model") or item
        targets = tuple(
            _Target(target, target.get("datasource") or panel.get("datasource"))
            for target in found.items_in(panel.get("targets"))
        )
        kind, title = kind or panel.text("type"), _title(item) or _title(panel)
        named = Panel(title, kind[:60], row, grid=_grid(item), collapsed=collapsed)
        yield _PanelItem(named, item, targets, bool(reference))


def _grid(item: LineDict) -> tuple[int, int, int, int] | None:
    """Return the panel's place in the grid; None if it has none or it is not in the grid."""
    position = item.child("gridPos")
    numbers = [value for key in ("x", "y", "w", "h") if type(value := position.get(key)) is int]
    if len(numbers) < 4:
        return None
    x, y, width, height = numbers
    fits = 0 <= x < x + width <= _GRID_COLUMNS
    return (x, y, width, height) if fits and 0 <= y <= _MAX_Y and 0 < height <= _MAX_Y else None


def _elements(found: Dashboards, elements: LineDict) -> Iterator[_PanelItem]:
    """Yield the panels of schema v2: `{name: {kind: Panel, spec: {title, data, vizConfig}}}`."""
    for element in found.items_in(list(elements.values())):
        spec = element.child("spec")
        queries = found.items_in(spec.child("data").child("spec").get("queries"))
        viz = spec.child("vizConfig")
        kind = viz.text("group") or viz.text("kind")
        targets = tuple(_target_of_v2(query.child("spec")) for query in queries)
        library = element.text("kind") == "LibraryPanel"
        yield _PanelItem(Panel(_title(spec), kind[:60]), element, targets, library)


def _target_of_v2(spec: LineDict) -> _Target:
    """Return a query of schema v2, whose `query` names the type of the data source."""
    query = spec.child("query")
    if kind := query.text("group") or query.text("kind").removeprefix("DataQuery"):
        source = LineDict()
        source["type"] = kind
        return _Target(query.child("spec"), source)
    return _Target(query.child("spec"), spec.get("datasource"))


def _datasources(model: LineDict, panels: list[_PanelItem]) -> tuple[str, ...]:
    """Return the sorted types (in old dashboards: names) of the data sources that are queried."""
    names: set[str] = set()
    for item in panels:
        for query in (item.model, *(target.model for target in item.targets)):
            source = query.child("datasource")
            names.add(source.text("type") or source.text("uid") or query.text("datasource"))
    for variable in islice(model.children("__inputs"), _MAX_LISTED):
        if variable.text("type") == "datasource":
            names.add(variable.text("pluginId"))
    names -= {"", "datasource", "grafana"}  # unknown, and the sources that are built in
    return tuple(sorted(name[:80] for name in names if not name.startswith(("$", "-- "))))[:50]


def _listed_variables(model: LineDict) -> Any:
    return model.child("templating").get("list") or model.get("variables")


def _variables(model: LineDict) -> tuple[str, ...]:
    listed = _listed_variables(model)
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


def _check_expressions(
    found: Dashboards, item: _PanelItem, offset: int, types: Mapping[str, str]
) -> tuple[str, ...]:
    """Check a panel's expressions, and return the metrics that they use.

    A problem is never an error: Grafana shows such a panel, but empty.
    """
    metrics: dict[str, None] = {}
    for target in item.targets:
        expr = target.model.text("expr")
        is_prometheus = _is_prometheus(target.source, types)
        if not expr or is_prometheus is False:
            continue
        line, what = target.model.line + offset, f"panel {item.panel.title!r}"
        try:
            checked = _checked(found, expr)
        except promql.TooComplex as limit:
            found.findings.note(line, f"{what}: an expression is {limit}")
            continue
        metrics |= dict.fromkeys(checked.metrics)
        if checked.problem and is_prometheus:
            # A variable may contain any part of the expression, so the real one may be valid.
            level = Level.WARNING if _substituted(expr, STAND_IN) == expr else Level.NOTE
            reason = f"{what}: the expression is not valid PromQL: {checked.problem}"
            found.findings.add(level, line, reason)
    return tuple(metrics)


def _checked(found: Dashboards, expr: str) -> promql.Checked:
    """Check an expression with its variables replaced. Raises `TooComplex`."""
    substituted = _substituted(expr, STAND_IN)
    first = found.expr_budget.check(substituted)
    if not first.problem or substituted == expr:
        return first
    by_position = expr
    for variable, stand_in in _OTHER_VARIABLES:
        by_position = variable.sub(stand_in, by_position)
    for other in (_substituted(expr, NUMBER_STAND_IN), _substituted(by_position, STAND_IN)):
        checked = found.expr_budget.check(other)
        if not checked.problem:
            return checked
    return first


def _substituted(expr: str, stand_in: str) -> str:
    return _VARIABLE.sub(stand_in, _DURATION_VARIABLE.sub(r"\g<1>5m", expr))


def _other_queries(
    found: Dashboards, model: LineDict, offset: int, types: Mapping[str, str]
) -> Iterator[OtherQuery]:
    """Yield the queries of variables and annotations."""
    listed = _listed_variables(model)
    for item in islice(dicts_in(listed), _MAX_LISTED):
        spec = item.child("spec") or item  # schema v2
        name, query, source = spec.text("name")[:80], spec.get("query"), spec.get("datasource")
        if isinstance(query, LineDict):
            target = _target_of_v2(spec)
            query, source = target.model.get("query") or query.get("query"), target.source
        if spec.text("type") in ("", "query") and _is_prometheus(source, types) is not False:
            metrics = _metrics_of_variable(found, text_of(query))
            if metrics:
                yield OtherQuery(f"variable {name!r}", metrics, item.line + offset)
    for item in islice(model.child("annotations").children("list"), _MAX_LISTED):
        if _is_prometheus(item.get("datasource"), types) is not False:
            metrics = _metrics_of(found, item.text("expr"))
            if metrics:
                name = item.text("name")[:80]
                yield OtherQuery(f"annotation {name!r}", metrics, item.line + offset)


def _metrics_of_variable(found: Dashboards, query: str) -> tuple[str, ...]:
    """Return the metrics that a variable's query uses, in the syntax of Grafana."""
    if match := _VARIABLE_QUERY.fullmatch(query):
        if match["metrics"] is not None:
            regex = _substituted(match["metrics"].strip(), STAND_IN)
            return tuple(pattern(f".*(?:{regex}).*"))  # Grafana does not anchor it
        query = match["labels_of"] or match["result"] or ""
    return _metrics_of(found, query)


def _metrics_of(found: Dashboards, expr: str) -> tuple[str, ...]:
    try:
        return _checked(found, expr).metrics if expr else ()
    except promql.TooComplex:
        return ()


def _datasource_types(model: LineDict) -> dict[str, str]:
    """Return the types of the data sources that inputs and variables stand for, by name."""
    inputs = islice(model.children("__inputs"), _MAX_LISTED)
    types = {item.text("name"): item.text("pluginId") for item in inputs}
    for item in islice(dicts_in(_listed_variables(model)), _MAX_LISTED):
        spec = item.child("spec") or item  # schema v2
        if spec.text("type") == "datasource" or item.text("kind") == "DatasourceVariable":
            types[spec.text("name")] = spec.text("pluginId") or spec.text("query")
    return types


def _is_prometheus(source: Any, types: Mapping[str, str]) -> bool | None:
    """Whether a data source is Prometheus; None if only its name is known.

    `types`: name of an input or a variable → type of the data source.
    """
    kind, name = "", text_of(source)
    if isinstance(source, LineDict):
        kind, name = source.text("type"), source.text("uid")
    variable = _VARIABLE.fullmatch(name)
    if variable and not kind:
        kind = types.get(name.strip("${}[]").partition(":")[0], "")
    if kind or variable or not name:
        return not kind or "prom" in kind.casefold()
    return True if "prom" in name.casefold() else None
