"""Match directories to exporters by their names. No I/O."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

# Ignored when names are compared: "Redis Metrics Exporter", "Redis_Exporter" and "Redis" match.
_FILLERS = {"exporter", "metrics", "server", "prometheus", "plugin"}


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
    """Return `name` without case, accents, punctuation and filler words; never empty.

    >>> normalise("Redis Metrics Exporter") == normalise("redis_exporter") == "redis"
    True
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    words = re.findall(r"[^\W_]+", text)
    return "".join(word for word in words if word not in _FILLERS) or "".join(words) or text


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
    repositories = _unique((names.repository, pk) for pk, names in exporters.items())
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
