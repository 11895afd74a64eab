"""Bytes to text to documents, bounded in size, depth and number, with the line of everything.

Files come from a repository that others write to, so each may be hostile: nothing here raises,
recurses without a bound, or expands what a file repeats by reference.
"""

import json
import json.scanner
import re
from bisect import bisect_right
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import yaml

from hub.contents.files.report import About, Finding, Level

# GitHub's contents API stops at the same size; the largest dashboards on grafana.com are below.
LARGEST_FILE = 1024 * 1024  # bytes
# libyaml's composer and Python's JSON decoder recurse: deeper input would end the process.
_DEEPEST = 64
# A values file of 45 KB has 1,200 events; 30,000 take libyaml and the constructor 0.3 s.
_MOST_EVENTS = 30_000
_MOST_ALIASES = 500
_MOST_DOCUMENTS = 500
# A dashboard of 150 KB has 3,000 objects and lists; 50,000 take the decoder 0.3 s and 40 MB.
_MOST_BRACKETS = 50_000
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# What only Helm can fill in: its own objects, and templates of a chart.
_HELM_OBJECT = re.compile(
    r"\{\{[^{}]*?(?:\.(?:Values|Release|Chart|Capabilities|Files)\b|\b(?:include|template|tpl)\s)"
)
# Flow of control: Helm's and Prometheus' templates share it, so it tells only of a file that is no
# YAML because of it. `{{ $labels.instance }}` of an annotation is none of these.
_FLOW = re.compile(r"\{\{-?\s*(?:/\*|(?:if|else|end|range|with|define|block|toYaml)\b)")
# An action alone on its line, and one inside a value.
_ACTION_LINE = re.compile(r"^[ \t]*(?:\{\{[^{}\n]*\}\}[ \t]*)+$", re.MULTILINE)
_ACTION = re.compile(r"\{\{[^{}\n]*\}\}")
TAKEN_OUT = "x"  # stands where an action was


class Mapping(dict[Any, Any]):
    """A mapping that knows its line and, where the format tells, the line of each key."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int = 1) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[Any, int] | None = None

    def line_of(self, key: Any) -> int:
        """The line of `key`, or the mapping's own when it is not known."""
        return (self.lines or {}).get(key, self.line)


class Scalar(str):
    """A YAML scalar: its text as it stands, its line, and the type that YAML gives it."""

    line: int = 1
    type: str = "str"


@dataclass
class Parsed:
    """A file taken apart. `documents` is empty when it cannot be parsed; then findings say why."""

    format: str
    text: str = ""
    documents: list[Any] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    twice: int = 0  # the line of the first key that stands twice in its mapping

    def add(self, level: Level, line: int, reason: str) -> None:
        """Add a finding about the file as a whole."""
        self.findings.append(Finding(level, About.FILE, line, reason))


def parse(data: bytes) -> Parsed:
    """Take `data` apart. Never raises: what is wrong with it is among the findings."""
    if not data.strip():
        parsed = Parsed("empty")
        if data:
            parsed.add(Level.NOTE, 1, "the file holds nothing but white space")
        return parsed
    parsed = Parsed("text")
    if len(data) > LARGEST_FILE:
        parsed.format = "unreadable"
        parsed.add(Level.ERROR, 1, too_large(len(data)))
        return parsed
    parsed.text = _decode(data, parsed)
    if "\0" in parsed.text:
        parsed.format = "unreadable"
        line = parsed.text[: parsed.text.index("\0")].count("\n") + 1
        parsed.add(Level.ERROR, line, "a NUL byte: this is no text file, or it is damaged")
    elif parsed.text.lstrip()[:1] in ("{", "[") and not parsed.text.lstrip().startswith("{{"):
        _parse_json(parsed)
    else:
        _parse_yaml(parsed)
    return parsed


def too_large(size: int) -> str:
    """The reason for not reading a file of `size` bytes."""
    return (
        f"too large to be judged: {size / 1024 / 1024:.1f} MB, "
        f"the limit is {LARGEST_FILE // 1024 // 1024} MB"
    )


def needs_helm(text: str) -> bool:
    """Whether `text` holds actions that only Helm would render."""
    return bool(_HELM_OBJECT.search(text))


def without_actions(text: str) -> str:
    """`text` with Helm's actions taken out, line for line: what it spells out without values."""
    text = _ACTION_LINE.sub("", text)
    return _ACTION.sub(TAKEN_OUT, text)


def _decode(data: bytes, parsed: Parsed) -> str:
    if encoding := _BOMS.get(data[:2]):
        parsed.add(
            Level.ERROR, 1, "UTF-16: Prometheus, Grafana and Helm read UTF-8; save it as such"
        )
        return data.decode(encoding, "replace")
    if data.startswith(b"\xef\xbb\xbf"):
        parsed.add(Level.WARNING, 1, "starts with a byte order mark (BOM): some readers refuse it")
        data = data[3:]
    if b"\r" in data:
        line = data[: data.index(b"\r")].count(b"\n") + 1
        parsed.add(Level.NOTE, line, "Windows line ends (CR LF)")
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        parsed.add(
            Level.ERROR, line, f"not UTF-8: byte 0x{data[error.start]:02x}; save it as UTF-8"
        )
        return data.decode(errors="replace")


def _parse_json(parsed: Parsed) -> None:
    parsed.format = "json"
    deepest, brackets = _brackets(parsed.text)
    if deepest > _DEEPEST:
        parsed.add(Level.ERROR, 1, f"nested deeper than {_DEEPEST} levels")
        return
    if brackets > _MOST_BRACKETS:
        parsed.add(Level.ERROR, 1, f"too many objects to be judged (more than {_MOST_BRACKETS})")
        return
    try:
        parsed.documents.append(_JSON(parsed.text).decode(parsed.text))
    except json.JSONDecodeError as error:
        parsed.add(Level.ERROR, error.lineno, f"not valid JSON: {error.msg} (column {error.colno})")
    except (ValueError, RecursionError) as error:
        parsed.add(Level.ERROR, 1, f"not valid JSON: {error}")


def _brackets(text: str) -> tuple[int, int]:
    """How deep the brackets outside strings nest, and how many open; without recursion."""
    depth = deepest = opened = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text):
        if token[0] in "[{":
            depth += 1
            opened += 1
            deepest = max(deepest, depth)
        elif token[0] in "]}":
            depth -= 1
    return deepest, opened


class _JSON(json.JSONDecoder):
    """The standard decoder, except that each object is a `Mapping` that knows its line.

    Only the Python scanner, not the C one, calls `parse_object` with the position: 10 MB/s.
    """

    def __init__(self, text: str) -> None:
        super().__init__(parse_constant=_no_constant)
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._parse_object: Any = self.parse_object  # type: ignore[has-type]
        self.parse_object = self._located
        self.scan_once = json.scanner.py_make_scanner(self)  # type: ignore[attr-defined]

    def _located(self, where: tuple[str, int], *args: Any) -> tuple[Mapping, int]:
        values, end = self._parse_object(where, *args)
        mapping = Mapping(bisect_right(self._ends, where[1] - 1) + 1)
        mapping.update(values)
        return mapping, end


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _parse_yaml(parsed: Parsed) -> None:
    parsed.format = "yaml"
    try:
        problem = _unsafe_shape(parsed)
        if problem:
            parsed.add(Level.ERROR, *problem)
            return
        loader = _YAML(parsed.text)
        try:
            while loader.check_data():  # type: ignore[no-untyped-call]
                parsed.documents.append(loader.get_data())
        finally:
            loader.dispose()
        parsed.findings += loader.duplicates
        parsed.twice = loader.duplicates[0].line if loader.duplicates else 0
    except yaml.MarkedYAMLError as error:
        parsed.documents.clear()
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        if needs_helm(parsed.text) or _FLOW.search(parsed.text):
            parsed.format = "template"
            return
        parsed.add(Level.ERROR, line, f"not valid YAML: {error.problem or error.context}")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        parsed.documents.clear()
        line = parsed.text.count("\n", 0, getattr(error, "position", 0)) + 1
        parsed.add(Level.ERROR, line, f"not valid YAML: {str(error).splitlines()[0][:200]}")
    if not parsed.text.endswith("\n"):
        last = parsed.text.count("\n") + 1
        parsed.add(Level.NOTE, last, "the last line has no end: the file may have been cut off")


def _unsafe_shape(parsed: Parsed) -> tuple[int, str] | None:
    """Why the composer must not see this text: (line, reason). libyaml's events do not recurse."""
    depth = aliases = documents = 0
    for events, event in enumerate(yaml.parse(parsed.text, Loader=yaml.CSafeLoader), start=1):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            if not aliases:
                parsed.add(Level.NOTE, line, f"uses a YAML alias (*{event.anchor})")
            aliases += 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        if depth > _DEEPEST:
            return line, f"nested deeper than {_DEEPEST} levels"
        if events > _MOST_EVENTS or documents > _MOST_DOCUMENTS:
            return line, f"too many values to be judged (more than {_MOST_EVENTS})"
        if aliases > _MOST_ALIASES:
            return line, f"more than {_MOST_ALIASES} aliases: a YAML bomb?"
    return None


class _YAML(yaml.CSafeLoader):
    """Scalars as they stand, mappings with lines; aliases stay references, merges are bounded."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.duplicates: list[Finding] = []

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > _MOST_EVENTS:
            raise yaml.constructor.ConstructorError(
                None, None, "merge keys (<<) repeat too much", node.start_mark
            )

    def construct_any(self, node: yaml.Node) -> Any:
        """The one constructor for every tag."""
        if isinstance(node, yaml.ScalarNode):
            kind = node.tag.rpartition(":")[2]
            if kind == "null":
                return None
            scalar = Scalar(node.value)
            scalar.line, scalar.type = node.start_mark.line + 1, kind
            return scalar
        if isinstance(node, yaml.SequenceNode):
            return [self.construct_object(item) for item in node.value]
        return self._mapping(node)

    def _mapping(self, node: Any) -> Mapping:
        mapping = Mapping(node.start_mark.line + 1)
        mapping.lines = {}
        own = {id(key) for key, _ in node.value}
        self.flatten_mapping(node)
        for key_node, value_node in node.value:
            key = self.construct_object(key_node)
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(
                    None, None, "a mapping or list as a key", key_node.start_mark
                )
            line = key_node.start_mark.line + 1
            if key in mapping and id(key_node) in own and len(self.duplicates) < 50:
                first = mapping.line_of(key)
                if first != line or key_node.start_mark.column:
                    self.duplicates.append(
                        Finding(
                            Level.WARNING,
                            About.FILE,
                            line,
                            f"the key {str(key)[:80]!r} stands twice (first on line {first})",
                        )
                    )
            mapping[key] = self.construct_object(value_node)
            mapping.lines[key] = line
        return mapping


_YAML.add_constructor(None, _YAML.construct_any)
for _tag in [tag for tag in _YAML.yaml_constructors if tag]:
    _YAML.add_constructor(_tag, _YAML.construct_any)
