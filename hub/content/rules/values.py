"""Parsed values with line numbers, and functions that read them whatever their types are."""

from collections.abc import Iterator
from typing import Any

# No text field is longer; YAML aliases can repeat one hundreds of times.
_MAX_LENGTH = 50_000


class Scalar(str):
    """A YAML scalar: its text as written, its line, and its YAML type."""

    line: int = 1
    type: str = "str"


class LineDict(dict[Any, Any]):
    """A mapping with its line and, in YAML, the line of each key."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int = 1) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[Any, int] = {}

    def line_of(self, key: Any) -> int:
        """Return the line of `key`, or the line of the mapping if it is not known."""
        return self.lines.get(key, self.line)

    def merge(self, other: "LineDict") -> None:
        """Add the keys of `other` with their lines."""
        self.update(other)
        self.lines.update(other.lines)

    def text(self, key: str) -> str:
        """Return the scalar at `key` as text (`text_of`)."""
        return text_of(self.get(key))

    def child(self, key: str) -> "LineDict":
        """Return the mapping at `key`; an empty one if there is none."""
        return dict_of(self.get(key))

    def children(self, key: str) -> Iterator["LineDict"]:
        """Yield the mappings in the list at `key`."""
        return dicts_in(self.get(key))


def text_of(value: Any) -> str:
    """Return a scalar as stripped text; "" for anything else."""
    if isinstance(value, str):
        return str(value[:_MAX_LENGTH]).strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value)


def dict_of(value: Any) -> LineDict:
    """Return the value if it is a mapping, otherwise an empty one."""
    return value if isinstance(value, LineDict) else LineDict()


def dicts_in(value: Any) -> Iterator[LineDict]:
    """Yield the mappings in a list."""
    items = value if isinstance(value, list) else []
    return (item for item in items if isinstance(item, LineDict))


def embedded_files(config_map: LineDict) -> Iterator[tuple[str, str, int]]:
    """Yield the files in a ConfigMap: name, text, and the offset of its line numbers."""
    data = config_map.child("data")
    for name, text in data.items():
        if isinstance(text, str):
            block = "\n" in text  # a block scalar starts on the line below its key
            yield str(name), text, data.line_of(name) - (0 if block else 1)


def resources(documents: list[Any]) -> Iterator[LineDict]:
    """Yield the mappings in the documents; a Kubernetes `List` is replaced by its items."""
    for document in dicts_in(documents):
        if isinstance(document.get("items"), list) and document.text("kind").endswith("List"):
            yield from document.children("items")
        else:
            yield document
