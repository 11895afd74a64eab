"""Parse what readers of packs and of metrics get, without the hub's code."""

import io
import json
import math
import re
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import yaml

_TREE = re.compile(r"older:? `?contents/([^`,]+)`?, (?:git )?tree `?([0-9a-f]{40})")
_METRIC = re.compile(r"\bup_\d+\b")
_TOTALS = ("exporterhub_runs_total", "exporterhub_lookups_total")

Item = tuple[str, str]  # the letter of the kind, and the content in canonical form


@dataclass(frozen=True)
class Pack:
    """A pack: the tree of each directory, its Kubernetes resources, and its other files.

    `digest` is of its bytes. `files` is None for a manifest, which has only resources.
    """

    digest: str
    trees: tuple[tuple[str, str], ...]
    resources: tuple[Item, ...]
    files: tuple[Item, ...] | None = None


@dataclass(frozen=True)
class Scrape:
    """The hub's state in an answer of `/metrics`; times are seconds since the epoch or None.

    `impossible` are the series with a value that is negative or not finite.
    """

    impossible: tuple[str, ...]
    has_state: bool
    states: float  # the sum: one state has the value 1
    directories: float
    confirmed: float | None
    published: float | None
    totals: dict[str, float]  # these never decrease


def parse_pack(raw: bytes, digest: str) -> Pack:
    """Parse a manifest or a zip. Raises `ValueError`, `KeyError`, `TypeError` or `YAMLError`."""
    if not raw.startswith(b"PK"):
        return Pack(digest, _trees(raw.decode()), tuple(sorted(_resources(raw))))
    resources: list[Item] = []
    files: list[Item] = []
    with zipfile.ZipFile(io.BytesIO(raw)) as zipped:
        texts = {name.partition("/")[2]: zipped.read(name) for name in zipped.namelist()}
    for path, data in texts.items():
        folder = path.partition("/")[0]
        if folder == "kubernetes":
            resources += _resources(data)
        elif folder == "rules":
            files.append(rules_item(data))
        elif folder == "dashboards":
            files.append(("G", data.decode()))
        elif folder == "files":
            files.append(("I", data.decode()))
    trees = _trees(texts["README.md"].decode())
    return Pack(digest, trees, tuple(sorted(resources)), tuple(sorted(files)))


def rules_item(data: bytes) -> Item:
    """Return the rule groups of a rule file as the item of a pack."""
    return "A", json.dumps(yaml.safe_load(data)["groups"], sort_keys=True)


def _trees(text: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(set(_TREE.findall(text))))


def _resources(data: bytes) -> list[Item]:
    return [_resource(document) for document in yaml.safe_load_all(data) if document]


def _resource(document: dict[str, Any]) -> Item:
    if document["kind"] == "PrometheusRule":
        return "A", json.dumps(document["spec"]["groups"], sort_keys=True)
    if document["kind"] == "ConfigMap":
        [text] = document["data"].values()
        return "G", text
    return document["kind"], json.dumps(document)


def metrics_in(raw: bytes) -> frozenset[str]:
    """Return the metrics of the writer's alerts that an answer names."""
    return frozenset(_METRIC.findall(raw.decode()))


def parse_scrape(raw: bytes) -> Scrape:
    """Parse an answer of `/metrics`. Raises `ValueError` or `KeyError`."""
    lines = [line for line in raw.decode().splitlines() if line and not line.startswith("#")]
    values = {series: float(value) for series, _, value in (x.rpartition(" ") for x in lines)}
    sums: dict[str, float] = defaultdict(float)
    for series, value in values.items():
        sums[series.partition("{")[0]] += value
    return Scrape(
        impossible=tuple(s for s, value in values.items() if value < 0 or not math.isfinite(value)),
        has_state=values["exporterhub_database_up"] == 1,
        states=sums["exporterhub_map_state"],
        directories=sums["exporterhub_directories"],
        confirmed=values.get("exporterhub_map_confirmed_timestamp_seconds"),
        published=values.get("exporterhub_snapshot_timestamp_seconds"),
        totals={name: sums[name] for name in _TOTALS},
    )
