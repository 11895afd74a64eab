"""Parse YAML and JSON into documents whose values have line numbers.

Files may be malicious, so size, depth and number of values are limited. Parsing never raises.
"""

import json
import re
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import partial
from math import isinf
from typing import Any

import yaml

from hub.content.rules.go_template import actions
from hub.content.rules.report import About, Findings
from hub.content.rules.values import LineDict, Scalar

# kube-prometheus keeps all its dashboards in one manifest of just over 1 MB. Kubernetes limits only
# each ConfigMap in it to 1 MB.
MAX_FILE_SIZE = 2 * 1024 * 1024  # bytes
# libyaml's composer and Python's JSON decoder recurse: deeper input would crash the process.
_MAX_DEPTH = 64
# The cost limit for parsing one file: 300,000 steps take 0.5 s and 60 MB.
_MAX_STEPS = 300_000
_STEPS_PER_EVENT = 7
_STEPS_PER_BRACKET = 4  # one that opens
_BRACKETS = {"[", "]", "{", "}"}
_MAX_ALIASES = 500
_MAX_DOCUMENTS = 500
_MAX_MERGED = 20_000  # keys added by merges: 500 aliases of 10,000 keys would take 1 GB
# Objects and functions that only Helm provides. (`template` exists in Alertmanager, too.)
_HELM_OBJECT = re.compile(
    r"\{\{[^{}]*?(?:\.(?:Values|Release|Chart|Capabilities|Files)\b|\b(?:include|tpl)\s)"
)
# Control flow exists in Helm's and Prometheus' templates, so it counts only in invalid YAML.
_FLOW = re.compile(r"\{\{-?\s*(?:/\*|(?:if|else|end|range|with|define|block|template|toYaml)\b)")
_COMMENT = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
# Go's YAML parser accepts no other version.
_VERSION = re.compile(r"(?:\s|#[^\n]*+\n)*+%YAML[ \t]+(?!1\.1\b)(\S+)")
# libyaml compares each directive with all others before the first event: 1 MB of them take 20 s.
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
_MAX_DIRECTIVES = 100
# An unterminated string matches up to the end of the text: backtracking would be quadratic.
_JSON_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)
# Escapes can produce characters that Postgres cannot store and UTF-8 cannot encode.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_storable = partial(_UNSTORABLE.sub, "\N{REPLACEMENT CHARACTER}")
_TOO_DEEP = f"nested deeper than {_MAX_DEPTH} levels"
_TOO_MUCH = "too many values to check"
_MAX_DUPLICATES = 50
_MAX_DIGITS = 300
# Start of the decoder's message, which differs between Python versions → text of the finding.
_TRAILING_COMMA = "trailing comma"
_JSON_REASONS = (
    ("Illegal trailing comma", _TRAILING_COMMA),
    ("Expecting property name", "expected a key in double quotes"),
    ("Expecting ':'", "expected a colon after the key"),
    ("Expecting ','", "expected a comma or a closing bracket"),
    ("Expecting value", "expected a value"),
    ("Invalid control character", "line break or control character in a string"),
    ("Unterminated string", "unterminated string"),
    ("Invalid \\", "invalid escape (\\)"),
    ("Extra data", "unexpected text after the end"),
)
# For a trailing comma Python 3.13 reports the comma, older versions the bracket after it.
_BRACKETS_AFTER_COMMA = {"Expecting property name": "}", "Expecting value": "]"}
_LESS_INDENTED = "expected <document start>"  # as libyaml says it
_MERGE = "tag:yaml.org,2002:merge"
PLACEHOLDER = "x"  # replaces a template action
# Between NULs, which no file contains at this point, a removed action is recognized.
_ACTION_LINE = re.compile(rf"^[ \t]*+(?:\0{PLACEHOLDER}?\0[ \t]*+)++$", re.MULTILINE)
_WITHOUT_VALUE = {"", "if", "else", "end", "range", "with", "define", "block", "break", "continue"}


@dataclass
class Parsed:
    """A parsed file. If it cannot be parsed, `documents` is empty and the findings say why.

    `first`: the first document of a file of which a later one cannot be parsed.
    """

    format: str
    text: str = ""
    documents: list[Any] = field(default_factory=list)
    first: Any = None
    findings: Findings = field(default_factory=lambda: Findings(About.FILE))
    duplicate_line: int = 0  # the line of the first duplicate key; 0 for none
    only_later_duplicates: bool = False  # duplicate keys are only in documents after the first
    json_problem: tuple[int, str] | None = None  # why text that YAML accepts is not valid JSON


@dataclass
class ParseBudget:
    """The remaining steps for a file and the texts embedded in it; each text is parsed once."""

    left: int = _MAX_STEPS
    _embedded: dict[str, Parsed] = field(default_factory=dict)

    def spend(self, steps: int) -> bool:
        """Subtract the steps; return False if fewer were left."""
        self.left -= steps
        return self.left >= 0

    def parse_embedded(self, text: str) -> Parsed:
        """Parse an embedded text, as `parse_documents` does, with the budget of the whole file."""
        if text not in self._embedded:
            self._embedded[text] = parse_documents(text.encode(), self)
        return self._embedded[text]


def parse_documents(data: bytes, budget: ParseBudget | None = None) -> Parsed:
    """Parse a file's bytes. Never raises: errors become findings."""
    budget = budget or ParseBudget()
    if not data.strip():
        parsed = Parsed("empty")
        if data:
            parsed.findings.note(1, "the file contains only whitespace")
        return parsed
    parsed = Parsed("unreadable")
    if len(data) > MAX_FILE_SIZE:
        parsed.findings.error(1, too_large(len(data)))
        return parsed
    parsed.text = _decode(data, parsed.findings)
    if "\0" in parsed.text:
        line = _line_at(parsed.text, parsed.text.index("\0"))
        parsed.findings.error(line, "contains a NUL byte: not a text file, or damaged")
    elif re.match(r"\s*(?:\[|\{(?!\{))", parsed.text):
        _parse_json(parsed, budget)
        if parsed.json_problem:
            _try_flow_style(parsed, budget)
    elif len(_DIRECTIVE.findall(parsed.text)) > _MAX_DIRECTIVES:
        parsed.format = "yaml"
        parsed.findings.error(1, f"not valid YAML: more than {_MAX_DIRECTIVES} directives (%)")
    elif version := _VERSION.match(parsed.text):
        parsed.format = "yaml"
        reason = f"not valid YAML: version {version[1][:20]}, but Go programs accept only 1.1"
        parsed.findings.error(_line_at(parsed.text, version.end()), reason)
    else:
        _parse_yaml(parsed, budget)
    return parsed


def too_large(size: int) -> str:
    """Return the message for a file of `size` bytes that is too large."""
    limit = MAX_FILE_SIZE // 1024 // 1024
    return f"too large to check: {size / 1024 / 1024:.1f} MB, the limit is {limit} MB"


def needs_helm(text: str) -> bool:
    """Whether the text contains actions that only Helm can render, outside comments."""
    return bool(_HELM_OBJECT.search(_COMMENT.sub("", text)))


def strip_helm(text: str) -> str:
    """Remove or replace Helm's template actions; line numbers stay the same.

    Actions that only control the flow leave nothing, others a placeholder. A line that consists
    only of actions becomes empty.
    """
    parts, position = list[str](), 0
    for start, end, word in actions(text):
        value = "" if word in _WITHOUT_VALUE else PLACEHOLDER
        lines = "\n" * text.count("\n", start, end)
        parts += [text[position:start], f"\0{value}\0", lines]
        position = end
    stripped = "".join([*parts, text[position:]])
    return _ACTION_LINE.sub("", stripped).replace("\0", "")


def _decode(data: bytes, findings: Findings) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        findings.error(1, "UTF-16: save it as UTF-8, which Prometheus, Grafana and Helm expect")
        text = data.decode("utf-16", "replace")
    else:
        if data.startswith(b"\xef\xbb\xbf"):
            findings.warning(1, "starts with a byte order mark (BOM), which some parsers reject")
            data = data[3:]
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            findings.error(line, f"not UTF-8: byte 0x{data[error.start]:02x}; save it as UTF-8")
            text = data.decode(errors="replace")
    if "\r" in text:
        findings.note(_line_at(text, text.index("\r")), "Windows line endings (CR LF)")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _parse_json(parsed: Parsed, budget: ParseBudget) -> None:
    parsed.format = "json"
    try:
        decoder = _JSON(_lines_of_objects(parsed.text, budget), parsed.text)
    except _Unsafe as problem:
        parsed.findings.error(problem.line, problem.reason)
        return
    try:
        parsed.documents.append(decoder.decode(parsed.text))
        parsed.findings += decoder.duplicates
        parsed.duplicate_line = decoder.duplicates[0].line if decoder.duplicates else 0
    except json.JSONDecodeError as error:
        parsed.json_problem = _json_problem(error)
        parsed.findings.error(*parsed.json_problem)
    except RecursionError:
        parsed.findings.error(1, _TOO_DEEP)
    except ValueError as error:  # from the functions for numbers
        parsed.findings.error(1, f"not valid JSON: {error}")


def _try_flow_style(parsed: Parsed, budget: ParseBudget) -> None:
    """Parse text that looks like JSON, but may be YAML in flow style."""
    flow = Parsed("yaml", parsed.text)
    _parse_yaml(flow, budget)
    if flow.documents:
        parsed.format, parsed.documents = flow.format, flow.documents
        line, reason = parsed.json_problem or (1, "")
        parsed.findings.pop()  # the error
        parsed.findings.note(line, f"{reason}; it is valid YAML")
        parsed.findings += flow.findings
        parsed.duplicate_line = flow.duplicate_line


def _json_problem(error: json.JSONDecodeError) -> tuple[int, str]:
    """Return the line and the reason, the same for every version of Python."""
    text, position = error.doc, error.pos
    known = (reason for start, reason in _JSON_REASONS if error.msg.startswith(start))
    reason = next(known, "syntax error")
    before = text[:position].rstrip()
    for start, bracket in _BRACKETS_AFTER_COMMA.items():
        found = error.msg.startswith(start) and text.startswith(bracket, position)
        if found and before.endswith(","):
            position, reason = len(before) - 1, _TRAILING_COMMA
    if error.msg.startswith("Expecting") and position >= len(text.rstrip()):
        return _line_at(text, position), "not valid JSON: the text ends too early (truncated?)"
    column = position - text.rfind("\n", 0, position)
    return _line_at(text, position), f"not valid JSON: {reason} (column {column})"


@dataclass
class _Unsafe(Exception):
    """The text is unsafe for the decoder."""

    line: int
    reason: str


def _lines_of_objects(text: str, budget: ParseBudget) -> list[int]:
    """Return the line of each object, in the order in which the objects end. Raises `_Unsafe`."""
    lines, opened = list[int](), list[int]()  # `opened`: the lines of the brackets not closed yet
    line, counted, steps = 1, 0, 0
    for match in _JSON_TOKEN.finditer(text):
        mark = match[0]
        steps += 1
        if mark not in _BRACKETS:
            continue
        line += text.count("\n", counted, match.start())
        counted = match.start()
        if mark in "[{":
            steps += _STEPS_PER_BRACKET - 1
            opened.append(line)
        elif opened:
            start = opened.pop()
            if mark == "}":
                lines.append(start)
        if len(opened) > _MAX_DEPTH:
            raise _Unsafe(line, _TOO_DEEP)
        if not budget.spend(steps):
            raise _Unsafe(line, _TOO_MUCH)
        steps = 0
    if not budget.spend(steps):
        raise _Unsafe(line, _TOO_MUCH)
    return lines


class _JSON(json.JSONDecoder):
    """The standard decoder, but each object becomes a `LineDict`.

    `lines`: the line of each object, in the order in which the decoder finishes them. The decoder
    itself knows no lines; a decoder in Python, which could, takes four times as long.
    """

    def __init__(self, lines: list[int], text: str) -> None:
        super().__init__(
            parse_constant=_reject_constant,
            parse_int=_parse_int,
            parse_float=_parse_float,
            object_pairs_hook=self._mapping,
        )
        self.duplicates = Findings(About.FILE, _MAX_DUPLICATES)
        self._lines = iter(lines)
        self._escapes = "\\u" in text

    def decode(self, text: str, *args: Any) -> Any:
        """Decode the text."""
        document = super().decode(text, *args)
        return _storable_value(document) if self._escapes else document

    def _mapping(self, pairs: list[tuple[str, Any]]) -> LineDict:
        mapping = LineDict(next(self._lines))
        if self._escapes:
            pairs = [(_storable(key), _storable_value(value)) for key, value in pairs]
        mapping.update(pairs)
        if len(mapping) < len(pairs):
            [(key, _)] = Counter(key for key, _ in pairs).most_common(1)
            reason = f"duplicate key {key[:80]!r} in an object"
            self.duplicates.warning(mapping.line, reason)
        return mapping


def _storable_value(value: Any) -> Any:
    """Return a string, or a list with strings, that can be stored. Objects already can be."""
    if isinstance(value, str):
        return _storable(value)
    return [_storable_value(item) for item in value] if isinstance(value, list) else value


def _reject_constant(name: str) -> None:  # NaN, Infinity
    raise ValueError(f"{name} is not allowed")


def _parse_int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a number has more than {_MAX_DIGITS} digits")
    return int(text)


def _parse_float(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def _parse_yaml(parsed: Parsed, budget: ParseBudget) -> None:
    parsed.format = "yaml"
    try:
        if problem := _unsafe_yaml(parsed, budget):
            parsed.findings.error(*problem)
            return
        loader = _YAML(parsed.text)
        documents = []
        while loader.check_data():  # type: ignore[no-untyped-call]
            documents.append(loader.get_data())
            if len(documents) == 1:
                parsed.only_later_duplicates = not loader.duplicates
        parsed.documents = documents
        parsed.findings += loader.duplicates
        parsed.duplicate_line = loader.duplicates[0].line if loader.duplicates else 0
    except yaml.MarkedYAMLError as error:
        if action := _HELM_OBJECT.search(parsed.text) or _FLOW.search(parsed.text):
            parsed.format = "template"
            line = _line_at(parsed.text, action.start())
            parsed.findings.note(line, "a Helm template: not valid YAML until Helm renders it")
        else:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            reason = str(error.problem or error.context)
            if _LESS_INDENTED in reason:
                reason = "a line is indented less than the first one, or is outside of the document"
            parsed.findings.error(line, f"not valid YAML: {reason}")
            _parse_first(parsed)
    except RecursionError:
        parsed.findings.error(1, _TOO_DEEP)
    except (yaml.YAMLError, ValueError) as error:
        # For an invalid character libyaml gives the position in bytes.
        before = parsed.text.encode()[: getattr(error, "position", 0)]
        reason = f"not valid YAML: {str(error).splitlines()[0]}"
        parsed.findings.error(before.count(b"\n") + 1, reason)
    if not parsed.text.endswith("\n"):
        last = parsed.text.count("\n") + 1
        parsed.findings.note(last, "no newline at the end of the file: it may be truncated")


def _parse_first(parsed: Parsed) -> None:
    """Parse the first document of a file that cannot be parsed as a whole."""
    loader = _YAML(parsed.text)
    try:
        parsed.first = loader.get_data()
        parsed.duplicate_line = loader.duplicates[0].line if loader.duplicates else 0
    except (yaml.YAMLError, ValueError, RecursionError):
        return


def _unsafe_yaml(parsed: Parsed, budget: ParseBudget) -> tuple[int, str] | None:
    """Return (line, reason) if the text is unsafe for the composer. Events do not recurse."""
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
        if depth > _MAX_DEPTH:
            return line, _TOO_DEEP
        if documents > _MAX_DOCUMENTS:
            return line, f"more than {_MAX_DOCUMENTS} documents"
        if not budget.spend(_STEPS_PER_EVENT):
            return line, _TOO_MUCH
        if aliases > _MAX_ALIASES:
            return line, f"more than {_MAX_ALIASES} aliases: possibly a YAML bomb"
    return None


class _YAML(yaml.CSafeLoader):
    """Loads scalars as text with line numbers. Aliases stay references; merges are limited."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.duplicates = Findings(About.FILE, _MAX_DUPLICATES)
        self._merged = 0

    def construct_any(self, node: yaml.Node) -> Any:
        """Construct a node of any tag."""
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
                raise _yaml_error("a mapping or list is used as a key", key_node)
            if key in first:
                reason = f"duplicate key {str(key)[:80]!r} (first on line {first[key]})"
                self.duplicates.warning(line, reason)
            first.setdefault(key, line)
            own[key], own.lines[key] = self.construct_object(value_node), line
        mapping.merge(own)
        return mapping

    def _merge(self, mapping: LineDict, node: Any, value: Any) -> None:
        """Add the mappings of a merge key; for equal keys the first mapping takes precedence."""
        for part in reversed(value.value) if isinstance(value, yaml.SequenceNode) else [value]:
            merged = self.construct_object(part)
            if not isinstance(merged, LineDict):
                raise _yaml_error("a merge key (<<) accepts only mappings", part)
            self._merged += len(merged)
            if self._merged > _MAX_MERGED:
                raise _yaml_error("merge keys (<<) add too many keys", node)
            mapping.merge(merged)


_YAML.yaml_constructors = {None: _YAML.construct_any}


def _yaml_error(reason: str, node: Any) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, reason, node.start_mark)
