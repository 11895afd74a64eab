"""Which directory belongs to which exporter: the rules of names. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

# Words that tell nothing apart: "Redis Metrics Exporter", "Redis_Exporter" and "Redis" are one.
_FILLERS = {"exporter", "metrics", "server", "prometheus", "plugin"}


@dataclass(frozen=True)
class Names:
    """An exporter's normalised names: those that people gave it, and its repository's.

    The repository's speaks only where no given name does: `mysqld_exporter` is MySQL's, but a
    directory `Query` is not for the first repository that ends in `query`.
    """

    given: frozenset[str]
    repository: str = ""


# A publication normalises every directory: 35 ms for 10,000 that were not seen before.
@lru_cache(maxsize=20_000)
def normalise(name: str) -> str:
    """`name` without case, accents, punctuation and filler words; never empty for a real name.

    >>> normalise("Redis Metrics Exporter") == normalise("redis_exporter") == "redis"
    True
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    words = re.findall(r"[^\W_]+", text)
    return "".join(word for word in words if word not in _FILLERS) or "".join(words) or text


def match(
    directories: Iterable[str],
    exporters: Mapping[int, Names],
    by_hand: Mapping[str, int | None] | None = None,
) -> dict[str, int]:
    """Directory → exporter id, for each directory whose normalised name one exporter bears.

    A name that two exporters bear matches neither. `by_hand` is an admin's word, directory →
    exporter id or None for "to no exporter", and wins.
    """
    given = _unique((name, pk) for pk, names in exporters.items() for name in names.given)
    repositories = _unique((names.repository, pk) for pk, names in exporters.items())
    found: dict[str, int | None] = {}
    for directory in directories:
        name = normalise(directory)
        found[directory] = given[name] if name in given else repositories.get(name)
    found |= {directory: pk for directory, pk in (by_hand or {}).items() if directory in found}
    return {directory: exporter for directory, exporter in found.items() if exporter is not None}


def _unique(names: Iterable[tuple[str, int]]) -> dict[str, int | None]:
    """Name → its exporter, or None when several bear it."""
    owners: dict[str, set[int]] = {}
    for name, exporter in names:
        owners.setdefault(name, set()).add(exporter)
    return {name: next(iter(pks)) if len(pks) == 1 else None for name, pks in owners.items()}
