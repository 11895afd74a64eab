"""Turn a file with alerting rules into rule groups, as Prometheus loads them. Pure functions."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from hub.content.rules.alerts import MAX_RULES, RULE_RESOURCES
from hub.content.rules.judge import judge
from hub.content.rules.parsing import ParseBudget, parse_documents
from hub.content.rules.report import AlertsForm, FileReport, Level
from hub.content.rules.values import LineDict, dict_of, dicts_in, embedded_files, resources
from hub.packs.plain import Size, Unsuitable, as_yaml

Group = dict[str, Any]

_LOADABLE = (AlertsForm.GROUPS, AlertsForm.RESOURCE, AlertsForm.FRAGMENT)
_TEXTS = ("alert", "record", "expr", "for", "keep_firing_for")
_MAX_INTEGER = 2**31 - 1


def rule_groups(data: bytes, report: FileReport, name: str) -> list[Group]:
    """Return the file's groups; rules outside a group get one named `name`.

    Raises `Unsuitable` if Prometheus cannot load the rules without Helm.
    """
    if report.helm_actions or report.alerts_form == AlertsForm.TEMPLATE:
        raise Unsuitable("a Helm template: Helm renders it when it installs the chart")
    if report.alerts_form not in _LOADABLE:
        raise Unsuitable("its rules are below other keys: pass the file to Helm as values")
    budget, size, rules = ParseBudget(), Size(), 0
    groups: dict[str, Group] = {}
    for document in parse_documents(data, budget).documents:
        for group_name, group in _groups(document, budget):
            built = _group(group, size)
            rules += len(built["rules"])
            if rules > MAX_RULES:
                raise Unsuitable(f"more than {MAX_RULES:,} rules, and the hub checks no more")
            if built["rules"]:
                _add(groups, built, group_name or name)
    if not groups:
        raise Unsuitable("no complete rule")
    return list(groups.values())


def _add(groups: dict[str, Group], group: Group, name: str) -> None:
    """Add the group with a name that no other group of the file has, as Prometheus requires."""
    unique = unique_name(name, groups)
    groups[unique] = {"name": unique, **group}


def unique_name(name: str, taken: dict[str, Group]) -> str:
    """Return the name, with a number if a group already has it."""
    unique, number = name, 1
    while unique in taken:
        number += 1
        unique = f"{name} ({number})"
    return unique


def as_rule_file(groups: Iterable[Group]) -> bytes:
    """Return a rule file for Prometheus, without the field that only Thanos knows."""
    strategy = "partial_response_strategy"
    plain = [{key: group[key] for key in group if key != strategy} for group in groups]
    return as_yaml({"groups": plain}).encode()


def check_rule_file(data: bytes) -> None:
    """Raise `Unsuitable` if Prometheus would reject the rule file."""
    for finding in judge(data).findings:
        if finding.level == Level.ERROR:
            raise Unsuitable(f"Prometheus would not load it: {finding.reason}")


def _groups(document: Any, budget: ParseBudget) -> Iterator[tuple[str, LineDict]]:
    """Yield (name, group), as `hub.content.rules.alerts` finds them."""
    if isinstance(document, list):
        yield from _of_list(document)
    for resource in resources([document]):
        kind = resource.text("kind")
        if kind in RULE_RESOURCES:
            yield from _named(dicts_in(resource.child("spec").get("groups")))
        elif kind == "ConfigMap":
            for _, text, _ in embedded_files(resource):
                for embedded in budget.parse_embedded(text).documents if "alert" in text else ():
                    if dict_of(embedded).text("kind") != "ConfigMap":
                        yield from _groups(embedded, budget)
        elif isinstance(resource.get("groups"), list):
            yield from _named(resource.children("groups"))
        elif "alert" in resource or isinstance(resource.get("rules"), list):
            yield from _of_list([resource])


def _of_list(items: list[Any]) -> Iterator[tuple[str, LineDict]]:
    """Yield the groups in a list, or its rules as one group."""
    if any("rules" in item for item in dicts_in(items)):
        yield from _named(dicts_in(items))
        return
    group = LineDict()
    group["rules"] = [item for item in dicts_in(items) if {"alert", "record"} & item.keys()]
    yield "", group


def _named(groups: Iterator[LineDict]) -> Iterator[tuple[str, LineDict]]:
    return ((group.text("name"), group) for group in groups)


def _group(group: LineDict, size: Size) -> Group:
    """Return a group with the fields and types of Prometheus and of a PrometheusRule."""
    built: Group = {}
    for key in ("interval", "query_offset"):
        if text := size.text(group.get(key)):
            built[key] = text
    if text := size.text(group.get("limit")):
        if not re.fullmatch("[0-9]{1,10}", text) or int(text) > _MAX_INTEGER:
            raise Unsuitable("limit of a group is not a number")
        built["limit"] = int(text)
    if labels := _texts(group.child("labels"), size):
        built["labels"] = labels
    if text := size.text(group.get("partial_response_strategy")):
        if text.lower() not in ("abort", "warn"):
            raise Unsuitable("partial_response_strategy of a group is neither abort nor warn")
        built["partial_response_strategy"] = text
    built["rules"] = [_rule(rule, size) for rule in group.children("rules")]
    return built


def _rule(rule: LineDict, size: Size) -> dict[str, Any]:
    built: dict[str, Any] = {key: size.text(rule.get(key)) for key in _TEXTS}
    built |= {key: _texts(rule.child(key), size) for key in ("labels", "annotations")}
    return {key: value for key, value in built.items() if value}


def _texts(mapping: LineDict, size: Size) -> dict[str, str]:
    return {size.text(key): size.text(value) for key, value in mapping.items()}
