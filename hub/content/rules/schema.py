"""Types for pydantic models of YAML documents, and the problems of a document with their lines.

Go programs read YAML more loosely than pydantic: any scalar is text, and null counts as missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, PlainValidator, ValidationError
from pydantic_core import PydanticCustomError

from hub.content.rules.values import LineDict, Scalar, as_text, expanded_size, text_of

# Real files have fewer values, because the parser limits them; YAML aliases can repeat each of them
# hundreds of times.
_MAX_VALUES = 60_000
_MAX_SHOWN = 60  # characters of a key or value in a reason
_REASONS = {
    "dict_type": "is not a mapping",
    "extra_forbidden": "is an unknown field",
    "invalid_key": "has an empty key",
    "list_type": "is not a list",
    "missing": "is missing",
    "model_type": "is not a mapping",
}


@dataclass(frozen=True)
class Problem:
    """A part of a document that does not follow a model.

    `key` is the path below the innermost item of a list, such as `labels.severity`; it is "" if the
    item itself is wrong. `item` is that item, or the document.
    """

    kind: str  # pydantic's type of error
    line: int
    item: Any
    key: str
    reason: str
    depth: int  # the number of lists around the item


def failure(reason: str) -> PydanticCustomError:
    """Return an error for a validator to raise. The reason follows the name of the key."""
    return PydanticCustomError("value", reason)


def kind_of(value: Any) -> str:
    """Return the YAML type of a scalar: str, int, float, bool, …"""
    return value.type if isinstance(value, Scalar) else type(value).__name__


def _any_scalar(value: Any) -> str:
    if isinstance(value, LineDict | list):
        raise failure("is not a string")
    return as_text(value)


def _integer(value: Any) -> int:
    if kind_of(value) not in ("int", "float"):
        raise failure("is not a whole number")
    return 0  # only the type is checked


def _boolean(value: Any) -> bool:
    if kind_of(value) != "bool":
        raise failure("is neither true nor false")
    return False  # only the type is checked


# Plain validators, because pydantic's own would copy each text.
Text = Annotated[str, PlainValidator(_any_scalar)]
Integer = Annotated[int, PlainValidator(_integer)]
Boolean = Annotated[bool, PlainValidator(_boolean)]


def model_problems(model: type[BaseModel], document: Any) -> Iterator[Problem]:
    """Yield the problems of a document, unless its aliases make it too large to check."""
    try:
        if expanded_size(document) > _MAX_VALUES:
            return
    except RecursionError:  # aliases that contain each other, hundreds of levels deep
        return
    try:
        model.model_validate(document)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_context=False, include_input=False):
            line, item, key, value, depth = _locate(document, each["loc"])
            reason = _REASONS.get(each["type"], each["msg"])
            shown = text_of(value)[:_MAX_SHOWN] if each["type"] == "value" else ""
            name = f"`{key}: {shown}`" if shown else f"`{key}`" if key else "an item of a list"
            yield Problem(each["type"], line, item, key, f"{name} {reason}", depth)


def _locate(document: Any, path: tuple[int | str, ...]) -> tuple[int, Any, str, Any, int]:
    """Return the line, the item, the key in the item, the value and the number of lists."""
    item = value = document
    line, keys, depth = getattr(document, "line", 1), list[str](), 0
    for part in path:
        if isinstance(value, LineDict):
            name = next((name for name in value if str(name) == str(part)), part)
            line, value = value.line_of(name), value.get(name)
            keys.append(str(part)[:_MAX_SHOWN])
        elif isinstance(value, list) and isinstance(part, int):
            item = value = value[part]
            line, keys, depth = getattr(value, "line", line), [], depth + 1
    return line, item, ".".join(keys), value, depth
