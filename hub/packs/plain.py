"""Plain values of limited size, YAML, and safe names. Pure functions.

YAML aliases can repeat a value very often, so the size of the result is counted while it grows.
"""

import re
from collections.abc import Collection
from math import isfinite
from pathlib import PurePosixPath
from typing import Any
from unicodedata import normalize

import yaml

from hub.content.rules.values import Scalar

MAX_SIZE = 1024 * 1024  # bytes; Kubernetes' limit for a ConfigMap
_MAX_NAME_LENGTH = 63  # of a Kubernetes resource, and of a file
_TYPED = {"int", "float", "bool"}
# A word that no parser of YAML 1.1 or 1.2 takes for a number, a date, a boolean or null.
_PLAIN = re.compile(r"[A-Za-z/][\w./-]*", re.ASCII)
_BOOLEANS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_UNSAFE = re.compile(r'[\\:*?"<>|]')  # in file names on Windows


class Unsuitable(Exception):
    """Content that a pack does not contain; the message is the reason."""


class Size:
    """Counts the bytes of one result. Raises `Unsuitable` beyond `MAX_SIZE`."""

    def __init__(self) -> None:
        self._left = MAX_SIZE

    def spend(self, text: str) -> str:
        """Count the text and return it."""
        self._left -= len(text) + 4  # quotes, separators
        if self._left < 0:
            raise Unsuitable("larger than 1 MB, the limit of a Kubernetes resource")
        return text

    def text(self, value: Any) -> str:
        """Return a scalar as the text that Prometheus reads; "" for null. Counts it."""
        if isinstance(value, dict | list):
            raise Unsuitable("a mapping or a list instead of a text")
        if isinstance(value, bool):
            return self.spend(str(value).lower())
        return self.spend("" if value is None else str(value))

    def typed(self, value: Any) -> Any:
        """Return a copy of any value with the types of JSON. Counts it."""
        if isinstance(value, dict):
            return {self.text(key): self.typed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.typed(item) for item in value]
        if isinstance(value, Scalar):
            self.spend(value)
            return _typed_scalar(value)
        if isinstance(value, str):
            return self.spend(str(value))
        self.spend(str(value))
        return value


def _typed_scalar(scalar: Scalar) -> Any:
    if scalar.type not in _TYPED:
        return str(scalar)
    value = yaml.safe_load(str(scalar))
    number = isinstance(value, int | float) and isfinite(value)
    return value if number else str(scalar)


class _Dumper(yaml.CSafeDumper):
    """Quotes every text that some parser would not read as text, and writes no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    if "\n" in text:
        style: str | None = "|"
    else:
        style = None if _PLAIN.fullmatch(text) and text.lower() not in _BOOLEANS else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def as_yaml(document: Any) -> str:
    """Return one YAML document without a separator."""
    return yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=4096)


def shown(text: str) -> str:
    """Return the text on one line, without control characters and those that change direction."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def are_safe(paths: Collection[str]) -> bool:
    """Whether every system can store files with these relative paths in one folder."""
    distinct = {_folded(path) for path in paths}
    safe = (len(p.encode()) <= 1_000 for p in paths if all(map(_is_safe, p.split("/"))))
    return len(distinct) == len(paths) == sum(safe)


def _folded(path: str) -> str:
    """Return a key that is the same for names that some file systems cannot tell apart."""
    return normalize("NFKC", path).casefold()


def _is_safe(part: str) -> bool:
    return (
        bool(part)
        and part.isprintable()
        and part == part.strip(" ").rstrip(".")
        and not _UNSAFE.search(part)
        and len(part.encode()) <= 255
    )


class UniqueNames:
    """Names of resources and files, each given only once, whatever the case of its letters."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of_file(self, slug: str, path: str) -> str:
        """Return a DNS label made of the exporter's slug and the file's name."""
        prefix, stem = _label(slug), _label(PurePosixPath(path).stem)
        named = stem if f"{stem}-".startswith(f"{prefix}-") else f"{prefix}-{stem}"
        named = named.strip("-") or "file"
        name = _cut(named)
        number = 1
        while not self.take(name):
            number += 1
            name = f"{_cut(named, len(str(number)) + 1)}-{number}"
        return name

    def take(self, path: str) -> bool:
        """Take the name; return False if a name that some file systems cannot tell apart is."""
        key = _folded(path)
        is_free = key not in self._taken
        self._taken.add(key)
        return is_free


def _cut(name: str, suffix: int = 0) -> str:
    return name[: _MAX_NAME_LENGTH - suffix].strip("-")


def _label(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
