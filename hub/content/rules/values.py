"""Parsed values that know their lines, and how to read them whatever a file made of them."""

from collections.abc import Iterator
from typing import Any

# No field that is read as text is longer; aliases can repeat one hundreds of times.
_LONGEST = 50_000


class Scalar(str):
    """A YAML scalar: its text as it stands, its line, and the type that YAML gives it."""

    line: int = 1
    type: str = "str"


class LineDict(dict[Any, Any]):
    """A mapping that knows its line and, where the format tells, the line of each key."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int = 1) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[Any, int] = {}

    def line_of(self, key: Any) -> int:
        """The line of `key`, or the mapping's own when it is not known."""
        return self.lines.get(key, self.line)

    def merge(self, other: "LineDict") -> None:
        """Take over the keys of `other`, with their lines."""
        self.update(other)
        self.lines.update(other.lines)

    def text(self, key: str) -> str:
        """The scalar at `key` as text, as `text_of`."""
        return text_of(self.get(key))

    def child(self, key: str) -> "LineDict":
        """The mapping at `key`; an empty one when there is none."""
        return dict_of(self.get(key))

    def children(self, key: str) -> Iterator["LineDict"]:
        """The mappings in the list at `key`."""
        return dicts_in(self.get(key))


def text_of(value: Any) -> str:
    """A scalar as text, stripped; "" for everything else."""
    if isinstance(value, str):
        return str(value[:_LONGEST]).strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value)


def dict_of(value: Any) -> LineDict:
    """`value` if it is a mapping, else an empty one."""
    return value if isinstance(value, LineDict) else LineDict()


def dicts_in(value: Any) -> Iterator[LineDict]:
    """The mappings among a list's items."""
    items = value if isinstance(value, list) else []
    return (item for item in items if isinstance(item, LineDict))


def embedded_files(config_map: LineDict) -> Iterator[tuple[str, str, int]]:
    """The files that a ConfigMap holds: (name, text, the line before the text's first)."""
    data = config_map.child("data")
    for name, text in data.items():
        if isinstance(text, str):
            block = "\n" in text  # a block scalar begins on the line below its key
            yield str(name), text, data.line_of(name) - (0 if block else 1)


def resources(documents: list[Any]) -> Iterator[LineDict]:
    """The mappings among the documents, with each Kubernetes `List` replaced by its items."""
    for document in dicts_in(documents):
        if isinstance(document.get("items"), list) and document.text("kind").endswith("List"):
            yield from document.children("items")
        else:
            yield document
