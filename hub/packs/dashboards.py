"""Turn a file with dashboards into JSON models that Grafana can load without questions."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from hub.content.rules.dashboards import dashboard_models
from hub.content.rules.parsing import ParseBudget, parse_documents
from hub.content.rules.report import FileReport
from hub.packs.plain import Size, Unsuitable

_EXPRESSIONS = "__expr__"  # Grafana's own data source for expressions; it needs no choice


def dashboards(data: bytes, report: FileReport, datasource: str) -> Iterator[str]:
    """Yield the JSON of each dashboard in the file.

    A dashboard without inputs that is alone in its file keeps its text, unless a `datasource` is
    chosen. Raises `Unsuitable`.
    """
    if report.helm_actions:
        raise Unsuitable("a Helm template: Helm renders it when it installs the chart")
    budget = ParseBudget()
    parsed = parse_documents(data, budget)
    models = dashboard_models(parsed.documents, budget)
    if not models:
        raise Unsuitable("no complete dashboard")
    for model in models:
        if "elements" in model:
            raise Unsuitable("a dashboard of schema v2: import it in Grafana 12 or newer")
        unchanged = model is parsed.documents[0] and not model.get("__inputs") and not datasource
        if unchanged and parsed.format == "json":
            text = data.decode().removeprefix("\N{BYTE ORDER MARK}")
        else:
            text = readable_json(_resolved(Size().typed(model), datasource))
        yield text


def readable_json(model: Any) -> str:
    """Return readable JSON."""
    return json.dumps(model, ensure_ascii=False, indent=2) + "\n"


def compact(text: str) -> str:
    """Return the same JSON without whitespace."""
    return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))


def _resolved(model: dict[str, Any], datasource: str) -> dict[str, Any]:
    """Replace the inputs, for which Grafana asks only on its import page.

    A data source becomes a variable of the same name, so that every reference to it stays as it is;
    the reader of the dashboard can choose another one. Constants are inserted.
    """
    inputs = [item for item in _listed(model.pop("__inputs", None)) if _named(item)]
    constants, variables = {}, []
    for item in inputs:
        if item.get("type") == "datasource" and item.get("pluginId") != _EXPRESSIONS:
            variables.append(_variable(item))
        else:
            value = _EXPRESSIONS if item.get("type") == "datasource" else item.get("value", "")
            constants[item["name"]] = str(value)
    model = _inserted(model, constants) if constants else model
    templating = model.get("templating")
    templating = model["templating"] = templating if isinstance(templating, dict) else {}
    existing = _listed(templating.get("list"))
    names = {variable.get("name") for variable in existing}
    # Other variables may refer to them, and Grafana resolves variables in order.
    added = [variable for variable in variables if variable["name"] not in names]
    templating["list"] = [*added, *existing]
    if datasource:
        for variable in templating["list"]:
            if variable.get("type") == "datasource" and variable.get("query") == "prometheus":
                variable["current"] = {"selected": True, "text": datasource, "value": datasource}
    return model


def _listed(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _named(item: dict[str, Any]) -> bool:
    return isinstance(item.get("name"), str) and bool(re.fullmatch(r"\w+", item["name"]))


def _variable(item: dict[str, Any]) -> dict[str, Any]:
    plugin = item.get("pluginId")
    return {
        "name": item["name"],
        "type": "datasource",
        "label": item.get("label") if isinstance(item.get("label"), str) else item["name"],
        "query": plugin if isinstance(plugin, str) and plugin else "prometheus",
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
    }


def _inserted(value: Any, constants: Mapping[str, str]) -> Any:
    """Replace `${NAME}` in all texts."""
    if isinstance(value, dict):
        return {key: _inserted(item, constants) for key, item in value.items()}
    if isinstance(value, list):
        return [_inserted(item, constants) for item in value]
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)\}", lambda found: constants.get(found[1], found[0]), value)
    return value
