"""Bytes to text to documents, each with its line.

Files may be hostile: size, depth and number are bounded, and `parse` never raises.
"""

import json
import json.scanner
import re
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import partial
from json.decoder import scanstring  # type: ignore[attr-defined]
from math import isinf
from typing import Any

import yaml

from hub.content.rules.report import About, Findings
from hub.content.rules.values import LineDict, Scalar

# GitHub's contents API stops at the same size; the largest dashboards on grafana.com are below.
LARGEST_FILE = 1024 * 1024  # bytes
# libyaml's composer and Python's JSON decoder recurse: deeper input would end the process.
_DEEPEST = 64
# What parsing a file may cost: 200,000 steps take 0.3 s and 40 MB.
_MOST_STEPS = 200_000
_STEPS_OF_EVENT = 7
_STEPS_OF_BRACKET = 4
_MOST_ALIASES = 500
_MOST_DOCUMENTS = 500
_MOST_MERGED = 20_000  # keys that merges may add: 500 aliases of 10,000 keys would be 1 GB
# What only Helm can fill in: its own objects and functions. `template` is Alertmanager's, too.
_HELM_OBJECT = re.compile(
    r"\{\{[^{}]*?(?:\.(?:Values|Release|Chart|Capabilities|Files)\b|\b(?:include|tpl)\s)"
)
# Control flow is common to Helm's and Prometheus' templates: looked for only in invalid YAML.
_FLOW = re.compile(r"\{\{-?\s*(?:/\*|(?:if|else|end|range|with|define|block|template|toYaml)\b)")
_COMMENT = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
# An action alone on its line, and one inside a value.
_ACTION_LINE = re.compile(r"^[ \t]*(?:\{\{[^{}\n]*\}\}[ \t]*)+$", re.MULTILINE)
_ACTION = re.compile(r"\{\{[^{}\n]*\}\}")
# An unterminated string matches to the end of the text: backtracking would be quadratic.
_JSON_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)
# Escapes can produce what Postgres cannot store and UTF-8 cannot encode.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_storable = partial(_UNSTORABLE.sub, "\N{REPLACEMENT CHARACTER}")
_TOO_DEEP = f"nested deeper than {_DEEPEST} levels"
_TOO_MUCH = "too many values to be judged"
_MOST_DUPLICATES = 50
_MOST_DIGITS = 300
# How the decoder's message begins, and what a finding says instead: Python's words differ between
# its versions.
_COMMA_AT_THE_END = "a comma with nothing after it"
_JSON_REASONS = (
    ("Illegal trailing comma", _COMMA_AT_THE_END),
    ("Expecting property name", "a key in double quotes is missing"),
    ("Expecting ':'", "a colon is missing after a key"),
    ("Expecting ','", "a comma or a closing bracket is missing"),
    ("Expecting value", "a value is missing"),
    ("Invalid control character", "a line break or control character in a string"),
    ("Unterminated string", "a string without an end"),
    ("Invalid \\", "an escape (\\) that JSON does not know"),
    ("Extra data", "text after the end"),
)
# Python 3.13 names the comma before a bracket, older ones the bracket.
_BRACKETS_AFTER_COMMA = {"Expecting property name": "}", "Expecting value": "]"}
_MERGE = "tag:yaml.org,2002:merge"
TAKEN_OUT = "x"  # replaces an action


@dataclass
class Parsed:
    """A parsed file. `documents` is empty when it cannot be parsed; then findings say why."""

    format: str
    text: str = ""
    documents: list[Any] = field(default_factory=list)
    findings: Findings = field(default_factory=lambda: Findings(About.FILE))
    twice: int = 0  # the line of the first key that is repeated in its mapping


@dataclass
class Effort:
    """What is left to spend on a file, with the texts embedded in it: each is parsed once."""

    left: int = _MOST_STEPS
    _embedded: dict[str, Parsed] = field(default_factory=dict)

    def spend(self, steps: int) -> bool:
        """Whether that much was left."""
        self.left -= steps
        return self.left >= 0

    def parse_embedded(self, text: str) -> Parsed:
        """As the function `parse`, within what is left for the whole file."""
        if text not in self._embedded:
            self._embedded[text] = parse_documents(text.encode(), self)
        return self._embedded[text]


def parse_documents(data: bytes, effort: Effort | None = None) -> Parsed:
    """Parse `data`. Never raises: what is wrong with it is among the findings."""
    effort = effort or Effort()
    if not data.strip():
        parsed = Parsed("empty")
        if data:
            parsed.findings.note(1, "the file holds nothing but white space")
        return parsed
    parsed = Parsed("unreadable")
    if len(data) > LARGEST_FILE:
        parsed.findings.error(1, too_large(len(data)))
        return parsed
    parsed.text = _decode(data, parsed.findings)
    if "\0" in parsed.text:
        line = _line_at(parsed.text, parsed.text.index("\0"))
        parsed.findings.error(line, "a NUL byte: this is no text file, or it is damaged")
    elif re.match(r"\s*(?:\[|\{(?!\{))", parsed.text):
        _parse_json(parsed, effort)
    else:
        _parse_yaml(parsed, effort)
    return parsed


def too_large(size: int) -> str:
    """The reason for not reading a file of `size` bytes."""
    limit = LARGEST_FILE // 1024 // 1024
    return f"too large to be judged: {size / 1024 / 1024:.1f} MB, the limit is {limit} MB"


def needs_helm(text: str) -> bool:
    """Whether `text` holds actions that only Helm would render; comments do not count."""
    return bool(_HELM_OBJECT.search(_COMMENT.sub("", text)))


def without_actions(text: str) -> str:
    """`text` with Helm's actions taken out, line for line: what it spells out without values."""
    text = _ACTION_LINE.sub("", text)
    return _ACTION.sub(TAKEN_OUT, text)


def _decode(data: bytes, findings: Findings) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        findings.error(1, "UTF-16: Prometheus, Grafana and Helm read UTF-8; save it as such")
        text = data.decode("utf-16", "replace")
    else:
        if data.startswith(b"\xef\xbb\xbf"):
            findings.warning(1, "starts with a byte order mark (BOM): some readers refuse it")
            data = data[3:]
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            findings.error(line, f"not UTF-8: byte 0x{data[error.start]:02x}; save it as UTF-8")
            text = data.decode(errors="replace")
    if "\r" in text:
        findings.note(_line_at(text, text.index("\r")), "Windows line ends (CR LF)")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _parse_json(parsed: Parsed, effort: Effort) -> None:
    parsed.format = "json"
    if problem := _unsafe_json(parsed.text, effort):
        parsed.findings.error(*problem)
        return
    decoder = _JSON(parsed.text)
    try:
        parsed.documents.append(decoder.decode(parsed.text))
        parsed.findings += decoder.duplicates
        parsed.twice = decoder.duplicates[0].line if decoder.duplicates else 0
    except json.JSONDecodeError as error:
        parsed.findings.error(*_json_problem(error))
    except RecursionError:
        parsed.findings.error(1, _TOO_DEEP)
    except ValueError as error:  # of the functions for numbers
        parsed.findings.error(1, f"not valid JSON: {error}")


def _json_problem(error: json.JSONDecodeError) -> tuple[int, str]:
    """The line and the reason, the same for every version of Python."""
    text, position = error.doc, error.pos
    known = (reason for begin, reason in _JSON_REASONS if error.msg.startswith(begin))
    reason = next(known, "its form is broken")
    before = text[:position].rstrip()
    for begin, bracket in _BRACKETS_AFTER_COMMA.items():
        found = error.msg.startswith(begin) and text.startswith(bracket, position)
        if found and before.endswith(","):
            position, reason = len(before) - 1, _COMMA_AT_THE_END
    column = position - text.rfind("\n", 0, position)
    return _line_at(text, position), f"not valid JSON: {reason} (column {column})"


def _unsafe_json(text: str, effort: Effort) -> tuple[int, str] | None:
    """Why the decoder must not see this text: (line, reason). Looks outside strings only."""
    depth = 0
    for token in _JSON_TOKEN.finditer(text):
        opens, closes = token[0] in "[{", token[0] in "]}"
        depth += opens - closes
        if depth > _DEEPEST:
            return _line_at(text, token.start()), _TOO_DEEP
        if not effort.spend(_STEPS_OF_BRACKET if opens else 1):
            return _line_at(text, token.start()), _TOO_MUCH
    return None


class _JSON(json.JSONDecoder):
    """The standard decoder, except that each object is a `LineDict`.

    Only the Python scanner, not the C one, calls `parse_object` with the position.
    """

    def __init__(self, text: str) -> None:
        super().__init__(
            parse_constant=_no_constant,
            parse_int=_whole_number,
            parse_float=_number,
            object_pairs_hook=list,
        )
        self.duplicates = Findings(About.FILE, _MOST_DUPLICATES)
        self._ends = array("I", (match.start() for match in re.finditer("\n", text)))
        self._parse_object: Any = self.parse_object  # type: ignore[has-type]
        self.parse_object = self._located
        self.parse_string = _storable_string
        self.scan_once = json.scanner.py_make_scanner(self)  # type: ignore[attr-defined]

    def _located(self, where: tuple[str, int], *args: Any) -> tuple[LineDict, int]:
        pairs, end = self._parse_object(where, *args)
        mapping = LineDict(bisect_right(self._ends, where[1] - 1) + 1)
        mapping.update((_storable(key), value) for key, value in pairs)
        if len(mapping) < len(pairs):
            [(key, _)] = Counter(_storable(key) for key, _ in pairs).most_common(1)
            reason = f"the key {key[:80]!r} stands twice in one object"
            self.duplicates.warning(mapping.line, reason)
        return mapping, end


def _storable_string(*args: Any) -> tuple[str, int]:
    text, end = scanstring(*args)
    return _storable(text), end


def _no_constant(name: str) -> None:  # NaN, Infinity
    raise ValueError(f"{name} is no JSON")


def _whole_number(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number of more than {_MOST_DIGITS} digits")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def _parse_yaml(parsed: Parsed, effort: Effort) -> None:
    parsed.format = "yaml"
    try:
        if problem := _unsafe_yaml(parsed, effort):
            parsed.findings.error(*problem)
            return
        loader = _YAML(parsed.text)
        while loader.check_data():  # type: ignore[no-untyped-call]
            parsed.documents.append(loader.get_data())
        parsed.findings += loader.duplicates
        parsed.twice = loader.duplicates[0].line if loader.duplicates else 0
    except yaml.MarkedYAMLError as error:
        parsed.documents.clear()
        if action := _HELM_OBJECT.search(parsed.text) or _FLOW.search(parsed.text):
            parsed.format = "template"
            line = _line_at(parsed.text, action.start())
            parsed.findings.note(line, "a Helm template: no YAML before Helm renders it")
        else:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            parsed.findings.error(line, f"not valid YAML: {error.problem or error.context}")
    except RecursionError:
        parsed.documents.clear()
        parsed.findings.error(1, _TOO_DEEP)
    except (yaml.YAMLError, ValueError) as error:
        parsed.documents.clear()
        # libyaml counts the bytes of a character that it refuses
        before = parsed.text.encode()[: getattr(error, "position", 0)]
        reason = f"not valid YAML: {str(error).splitlines()[0]}"
        parsed.findings.error(before.count(b"\n") + 1, reason)
    if not parsed.text.endswith("\n"):
        last = parsed.text.count("\n") + 1
        parsed.findings.note(last, "the last line has no end: the file may have been cut off")


def _unsafe_yaml(parsed: Parsed, effort: Effort) -> tuple[int, str] | None:
    """Why the composer must not see this text: (line, reason). libyaml's events do not recurse."""
    depth = aliases = documents = 0
    for event in yaml.parse(parsed.text, Loader=yaml.CSafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if isinstance(event, yaml.AliasEvent):
            if not aliases:
                parsed.findings.note(line, f"uses a YAML alias (*{str(event.anchor)[:80]})")
            aliases += 1
        if depth > _DEEPEST:
            return line, _TOO_DEEP
        if documents > _MOST_DOCUMENTS:
            return line, f"more than {_MOST_DOCUMENTS} documents"
        if not effort.spend(_STEPS_OF_EVENT):
            return line, _TOO_MUCH
        if aliases > _MOST_ALIASES:
            return line, f"more than {_MOST_ALIASES} aliases: a YAML bomb?"
    return None


class _YAML(yaml.CSafeLoader):
    """Keeps scalars as text and adds lines; aliases stay references, merges are bounded."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.duplicates = Findings(About.FILE, _MOST_DUPLICATES)
        self._merged = 0

    def construct_any(self, node: yaml.Node) -> Any:
        """The one constructor for every tag."""
        if isinstance(node, yaml.ScalarNode):
            kind = node.tag.rpartition(":")[2]
            if kind == "null":
                return None
            scalar = Scalar(_storable(node.value))
            scalar.line, scalar.type = node.start_mark.line + 1, kind
            return scalar
        if isinstance(node, yaml.SequenceNode):
            return [self.construct_object(item) for item in node.value]
        return self._mapping(node)

    def _mapping(self, node: Any) -> LineDict:
        mapping = LineDict(node.start_mark.line + 1)
        own, first = LineDict(), dict[Any, int]()
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                self._merge(mapping, node, value_node)
                continue
            key, line = self.construct_object(key_node), key_node.start_mark.line + 1
            if not isinstance(key, Hashable):
                raise _refusal("a mapping or list as a key", key_node)
            if key in first:
                reason = f"the key {str(key)[:80]!r} stands twice (first on line {first[key]})"
                self.duplicates.warning(line, reason)
            first.setdefault(key, line)
            own[key], own.lines[key] = self.construct_object(value_node), line
        mapping.merge(own)
        return mapping

    def _merge(self, mapping: LineDict, node: Any, value: Any) -> None:
        """Add what a merge key names; of equal keys, the first named mapping's wins."""
        for part in reversed(value.value) if isinstance(value, yaml.SequenceNode) else [value]:
            merged = self.construct_object(part)
            if not isinstance(merged, LineDict):
                raise _refusal("a merge key (<<) takes mappings only", part)
            self._merged += len(merged)
            if self._merged > _MOST_MERGED:
                raise _refusal("merge keys (<<) repeat too much", node)
            mapping.merge(merged)


_YAML.yaml_constructors = {None: _YAML.construct_any}


def _refusal(reason: str, node: Any) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, reason, node.start_mark)
