"""Match directories to exporters by their names. No I/O."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

# The words with which names of exporters, repositories and directories end, besides the name of the
# software: "Redis Metrics Exporter", "redis-mixin" and "Redis" match. A name with any other word is
# another software: `sql-server` is not SQL, and `mysql-router` is not MySQL.
_SUFFIXES = {
    *("exporter", "exporters", "prometheus", "metrics", "plugin", "mixin", "mixins", "monitoring"),
    *("alert", "alerts", "alerting", "rule", "rules", "dashboard", "dashboards"),
    *("helm", "chart", "charts"),
}
_PREFIX = "prometheus"


@dataclass(frozen=True)
class Names:
    """The normalised names of an exporter: those given in the catalogue, and its repository name.

    The repository name is used only if no given name matches: `mysqld_exporter` belongs to MySQL,
    but a directory `Query` must not match just any repository with that name.
    """

    given: frozenset[str]
    repository: str = ""


# Each publication normalises every directory: 35 ms for 10,000 names that are not cached.
@lru_cache(maxsize=20_000)
def normalise(name: str) -> str:
    """Return the software's name in `name`: without case, punctuation and affixes; never empty.

    >>> normalise("Redis Metrics Exporter") == normalise("prometheus-redis_mixin") == "redis"
    True
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    words = re.findall(r"[^\W_]+", text)
    while len(words) > 1 and words[-1] in _SUFFIXES:
        words.pop()
    if len(words) > 1 and words[0] == _PREFIX:
        del words[0]
    return "".join(words) or text


def match(
    directories: Iterable[str],
    exporters: Mapping[int, Names],
    assigned: Mapping[str, int | None] | None = None,
) -> dict[str, int]:
    """Return directory → exporter id for each directory whose name matches exactly one exporter.

    A name shared by two exporters matches neither. `assigned` has the admin's assignments
    (directory → exporter id, or None for "no exporter"), which take precedence.
    """
    given = _unique((name, pk) for pk, names in exporters.items() for name in names.given)
    repositories = _unique(
        (names.repository, pk)
        for pk, names in exporters.items()
        # `prometheus-plugin` (Jenkins) and `helm-charts` do not name the software.
        if names.repository not in _SUFFIXES
    )
    found: dict[str, int | None] = {}
    for directory in directories:
        name = normalise(directory)
        found[directory] = given[name] if name in given else repositories.get(name)
    found |= {directory: pk for directory, pk in (assigned or {}).items() if directory in found}
    return {directory: exporter for directory, exporter in found.items() if exporter is not None}


def _unique(names: Iterable[tuple[str, int]]) -> dict[str, int | None]:
    """Return name → exporter id, or None if several exporters have the name."""
    owners: dict[str, set[int]] = {}
    for name, exporter in names:
        owners.setdefault(name, set()).add(exporter)
    return {name: next(iter(pks)) if len(pks) == 1 else None for name, pks in owners.items()}
