"""Small readings of parsed values, whatever a file made of them."""

from collections.abc import Iterator
from typing import Any

from hub.content.rules.parsing import LineDict, Scalar

# No field that is read as text is longer; aliases can repeat one hundreds of times.
_LONGEST = 50_000


def text_of(value: Any) -> str:
    """A scalar as text, stripped; "" for everything else."""
    if isinstance(value, str):
        return str(value[:_LONGEST]).strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value)


def mapping_of(value: Any) -> LineDict:
    """`value` if it is a mapping, else an empty one."""
    return value if isinstance(value, LineDict) else LineDict()


def list_of(value: Any) -> list[Any]:
    """`value` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def mappings_in(value: Any) -> Iterator[LineDict]:
    """The mappings among a list's items."""
    return (item for item in list_of(value) if isinstance(item, LineDict))


def line_of(value: Any, otherwise: int = 1) -> int:
    """The line on which `value` begins, where the format tells."""
    return value.line if isinstance(value, LineDict | Scalar) else otherwise


def embedded_files(document: Any) -> Iterator[tuple[str, str, int]]:
    """The files that a ConfigMap holds: (name, text, the line before the text's first)."""
    data = mapping_of(mapping_of(document).get("data"))
    for name, text in data.items():
        if isinstance(text, str):
            block = "\n" in text  # a block scalar begins on the line below its key
            yield str(name), text, data.line_of(name) - (0 if block else 1)


def resources(documents: list[Any]) -> Iterator[Any]:
    """The documents, with each Kubernetes `List` replaced by its items."""
    for document in documents:
        items = document.get("items") if isinstance(document, LineDict) else None
        if isinstance(items, list) and text_of(document.get("kind")).endswith("List"):
            yield from items
        else:
            yield document
