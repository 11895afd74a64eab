"""Which directory belongs to which exporter: the rules of names. Pure."""

import re
import unicodedata
from collections.abc import Iterable

# Words that tell nothing apart: "Redis Metrics Exporter", "Redis_Exporter" and "Redis" are one.
_FILLERS = {"exporter", "metrics", "server", "prometheus"}


def normalise(name: str) -> str:
    """`name` without case, accents, punctuation and filler words; never empty for a real name.

    >>> normalise("Redis Metrics Exporter") == normalise("redis_exporter") == "redis"
    True
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    words = re.findall(r"[^\W_]+", text)
    return "".join(word for word in words if word not in _FILLERS) or "".join(words) or text


def match(directories: Iterable[str], exporters: dict[int, set[str]]) -> dict[str, int]:
    """Directory → exporter id, for each directory whose normalised name one exporter bears.

    `exporters` maps an exporter's id to its normalised names. A name that two exporters bear
    decides nothing, so it matches neither.
    """
    owners: dict[str, set[int]] = {}
    for exporter, names in exporters.items():
        for name in names:
            owners.setdefault(name, set()).add(exporter)
    unique = {name: next(iter(ids)) for name, ids in owners.items() if len(ids) == 1}
    found = ((directory, unique.get(normalise(directory))) for directory in directories)
    return {directory: exporter for directory, exporter in found if exporter is not None}
