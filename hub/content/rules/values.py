"""Parsed values with line numbers, and functions that read them whatever their types are."""

from base64 import b64decode
from collections.abc import Iterator
from typing import Any
from zlib import MAX_WBITS, decompressobj
from zlib import error as zlib_error

# No text field is longer; YAML aliases can repeat one hundreds of times.
_MAX_LENGTH = 50_000
_MAX_DECODED = 2 * 1024 * 1024  # bytes of a compressed text


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


_COLLECTIONS = (LineDict, list)


def text_of(value: Any) -> str:
    """Return a scalar as stripped text; "" for anything else."""
    if isinstance(value, str):
        return str(value[:_MAX_LENGTH]).strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value)


def as_text(value: Any) -> str:
    """Return a scalar as Go reads it into a string, without a copy; "" for anything else."""
    if isinstance(value, str):
        return value
    return "" if value is None or isinstance(value, LineDict | list) else str(value)


def dict_of(value: Any) -> LineDict:
    """Return the value if it is a mapping, otherwise an empty one."""
    return value if isinstance(value, LineDict) else LineDict()


def dicts_in(value: Any) -> Iterator[LineDict]:
    """Yield the mappings in a list."""
    items = value if isinstance(value, list) else []
    return (item for item in items if isinstance(item, LineDict))


def mappings_below(root: Any) -> Iterator[Any]:
    """Yield all mappings and lists, in order; those repeated by aliases only once."""
    stack: list[Any] = [root]
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if id(node) in seen or not isinstance(node, _COLLECTIONS):
            continue
        seen.add(id(node))
        yield node
        items = node.values() if isinstance(node, LineDict) else node
        stack += [item for item in reversed(items) if isinstance(item, _COLLECTIONS)]


def expanded_size(value: Any, known: dict[int, int] | None = None) -> int:
    """Count the values in a document, where aliases repeat a part as often as they name it."""
    known = {} if known is None else known
    if not isinstance(value, LineDict | list):
        return 1
    if id(value) not in known:
        size = 1
        for item in value.values() if isinstance(value, LineDict) else value:
            size += expanded_size(item, known)
        known[id(value)] = size
    return known[id(value)]


def embedded_files(resource: LineDict) -> Iterator[tuple[str, str, int]]:
    """Yield the files in a ConfigMap or Secret: name, text, and the offset of its line numbers."""
    secret = resource.text("kind") == "Secret"
    data = resource.child("stringData") if secret else resource.child("data")
    for name, text in data.items():
        if isinstance(text, str):
            block = "\n" in text  # a block scalar starts on the line below its key
            yield str(name), text, data.line_of(name) - (0 if block else 1)
    for name, encoded in resource.child("data").items() if secret else ():
        if isinstance(encoded, str):
            yield str(name), decode_base64(encoded), 0


def decode_base64(encoded: str) -> str:
    """Return the encoded text; "" if it is neither text nor gzipped text."""
    try:
        data = b64decode("".join(encoded.split()), validate=True)
        if data.startswith(b"\x1f\x8b"):
            data = decompressobj(MAX_WBITS | 16).decompress(data, _MAX_DECODED)
        return data.decode()
    except (ValueError, zlib_error):
        return ""


def resources(documents: list[Any]) -> Iterator[LineDict]:
    """Yield the mappings in the documents; a Kubernetes `List` is replaced by its items."""
    for document in dicts_in(documents):
        if isinstance(document.get("items"), list) and document.text("kind").endswith("List"):
            yield from document.children("items")
        else:
            yield document
