"""The options of a pack, validated as Kubernetes and Grafana validate them. Pure functions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from django.utils.datastructures import MultiValueDict

MAX_EXPORTERS = 50
_MAX_LABELS = 20
_MAX_TREES = 250
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
)
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_DATASOURCE = re.compile(r"[A-Za-z0-9_-]{1,40}")
_SLUG = re.compile(r"[-a-zA-Z0-9_]{1,80}")
_TREE = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class InvalidOption(Exception):
    """A parameter is invalid; the message says why and what is valid."""


@dataclass(frozen=True)
class PackOptions:
    """What a reader chose for a pack.

    `labels` are added to every Kubernetes resource, `datasource` is the uid of the data source that
    dashboards select first. `trees` pins the pack to these directory trees; empty: the served ones.
    """

    exporters: tuple[str, ...] = ()
    version: str = ""
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    datasource: str = ""
    trees: tuple[str, ...] = ()

    def of(self, slug: str) -> "PackOptions":
        """Return the options for one exporter."""
        return replace(self, exporters=(slug,))

    def pairs(self) -> list[tuple[str, str]]:
        """Return the options as parameters of an address, without `exporters`."""
        labels = ",".join(f"{key}={value}" for key, value in self.labels.items())
        named = {"version": self.version, "namespace": self.namespace, "labels": labels}
        named["datasource"] = self.datasource
        given = [(name, value) for name, value in named.items() if value]
        return [*given, *(("tree", sha) for sha in self.trees)]


def parse_options(parameters: MultiValueDict[str, str], *known: str) -> PackOptions:
    """Parse the parameters of an address that also accepts those in `known`.

    Raises `InvalidOption`, also for an unknown parameter: a misspelled one must not be ignored.
    """
    names = ("namespace", "labels", "datasource", "tree", *known)
    if unknown := sorted(set(parameters) - set(names)):
        options = ", ".join(sorted(names))
        raise InvalidOption(
            f"Unknown parameter {_shown(unknown[0])}. The parameters are {options}."
        )
    single = {name: _single(parameters, name) for name in names if name not in ("exporter", "tree")}
    namespace, datasource = single["namespace"], single["datasource"]
    if namespace and not _DNS_LABEL.fullmatch(namespace):
        raise InvalidOption(
            f"namespace {_shown(namespace)} is not a DNS label: at most 63 lower-case letters, "
            "digits and hyphens, such as monitoring."
        )
    if datasource and not _DATASOURCE.fullmatch(datasource):
        raise InvalidOption(
            f"datasource {_shown(datasource)} is not the uid of a Grafana data source: at most 40 "
            "letters, digits, hyphens and underscores."
        )
    return PackOptions(
        exporters=_several(parameters, "exporter", _SLUG, MAX_EXPORTERS),
        version=single.get("version", ""),
        namespace=namespace,
        labels=_labels(single["labels"]),
        datasource=datasource,
        trees=_several(parameters, "tree", _TREE, _MAX_TREES),
    )


def is_label(key: str, value: str) -> bool:
    """Whether Kubernetes accepts the label."""
    prefix, slash, name = key.rpartition("/")
    return (
        bool(_NAME.fullmatch(name))
        and (not slash or bool(_DNS_SUBDOMAIN.fullmatch(prefix)))
        and (not value or bool(_NAME.fullmatch(value)))
    )


def is_namespace(text: str) -> bool:
    """Whether Kubernetes accepts the name of a namespace."""
    return bool(_DNS_LABEL.fullmatch(text))


def _single(parameters: MultiValueDict[str, str], name: str) -> str:
    values = parameters.getlist(name)
    if len(values) > 1:
        raise InvalidOption(f"{name} is given {len(values)} times: give it once.")
    return values[0] if values else ""


def _several(
    parameters: MultiValueDict[str, str], name: str, valid: re.Pattern[str], most: int
) -> tuple[str, ...]:
    """Return the distinct values, sorted: their order does not change the pack."""
    values = sorted(set(parameters.getlist(name)))
    if len(values) > most:
        raise InvalidOption(f"{len(values)} values of {name}: at most {most} are possible.")
    for value in values:
        if not valid.fullmatch(value):
            raise InvalidOption(f"{name} {_shown(value)} is invalid.")
    return tuple(values)


def _labels(text: str) -> dict[str, str]:
    """Parse labels as kubectl does: `release=prometheus,team=a`."""
    labels: dict[str, str] = {}
    for pair in filter(None, text.split(",")):
        key, equals, value = pair.partition("=")
        if not equals or not is_label(key, value):
            raise InvalidOption(
                f"labels: {_shown(pair)} is not a Kubernetes label. Write KEY=VALUE,KEY=VALUE, "
                "such as release=prometheus."
            )
        if key in labels:
            raise InvalidOption(f"labels: {_shown(key)} is given twice.")
        labels[key] = value
    if len(labels) > _MAX_LABELS:
        raise InvalidOption(f"labels: {len(labels)} labels, at most {_MAX_LABELS} are possible.")
    return dict(sorted(labels.items()))


def _shown(text: str) -> str:
    return repr(text[:80])
