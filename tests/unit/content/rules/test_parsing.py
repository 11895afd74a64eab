"""Tests of parsing: documents with line numbers, and syntax errors."""

import pytest

from hub.content.rules.parsing import (
    MAX_FILE_SIZE,
    ParseBudget,
    needs_helm,
    parse_documents,
    strip_helm,
)
from hub.content.rules.report import Level
from hub.content.rules.values import LineDict


def only_document(data: str) -> LineDict:
    parsed = parse_documents(data.encode())
    assert parsed.findings == []
    (document,) = parsed.documents
    assert isinstance(document, LineDict)
    return document


def said(data: bytes) -> list[tuple[str, int, str]]:
    """Return the findings: level, line and reason."""
    return [(f.level.value, f.line, f.reason) for f in parse_documents(data).findings]


def test_every_key_of_yaml_knows_its_line() -> None:
    document = only_document("# head\na: 1\nb:\n  c: text\n  d: [x,\n    y]\n")
    assert document.line == 2
    assert [document.line_of(key) for key in ("a", "b", "else")] == [2, 3, 2]
    assert document["b"].line == 4
    assert document["b"].line_of("d") == 5
    assert [item.line for item in document["b"]["d"]] == [5, 6]


def test_every_object_of_json_knows_its_line() -> None:
    document = only_document('\n{"a": {\n "b": 1},\n"c": [\n{}, {"d": {}}]}\n')
    assert document.line == 2
    assert document["a"].line == 2
    assert [item.line for item in document["c"]] == [5, 5]


@pytest.mark.parametrize(
    ("text", "kept", "kind"),
    [
        ("5m", "5m", "str"),
        ("0x10", "0x10", "int"),
        ("1.10", "1.10", "float"),
        ("yes", "yes", "bool"),
        ("2001-01-01", "2001-01-01", "timestamp"),
        ("'1.10'", "1.10", "str"),
        ("!!binary aGk=", "aGk=", "binary"),
        ("!secret x", "x", "!secret"),
        ("!!python/object:os.system x", "x", "python/object:os.system"),
    ],
)
def test_scalars_keep_their_text(text: str, kept: str, kind: str) -> None:
    value = only_document(f"a: {text}\n")["a"]
    assert (value, value.type) == (kept, kind.rpartition(":")[2])


def test_null_is_none() -> None:
    assert only_document("a: ~\nb:\nc: null\n") == {"a": None, "b": None, "c": None}


def test_several_documents() -> None:
    assert [d["a"] for d in parse_documents(b"a: 1\n---\na: 2\n").documents] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "merged"),
    [
        ("x: &x {a: 1, b: 1}\ny: {<<: *x, b: 2}\n", {"a": "1", "b": "2"}),
        ("x: [&p {a: 1}, &q {a: 2, b: 2}]\ny: {<<: [*p, *q]}\n", {"a": "1", "b": "2"}),
        ("x: &x {<<: {a: 1}, b: 1}\ny: {b: 2, <<: *x}\n", {"a": "1", "b": "2"}),
    ],
)
def test_merged_keys_are_overridden_and_are_not_duplicates(
    text: str, merged: dict[str, str]
) -> None:
    parsed = parse_documents(text.encode())
    assert parsed.documents[0]["y"] == merged
    assert [f.level for f in parsed.findings] == [Level.NOTE]  # that it uses an alias
    assert parsed.duplicate_line == 0


@pytest.mark.parametrize(
    ("data", "level", "line", "reason"),
    [
        (b"a: b\nc: [\n", "error", 3, "not valid YAML: did not find expected node content"),
        (b"a: b\n\tc: d\n", "error", 2, "not valid YAML: found a tab character"),
        (b"a: b\n c: d\n", "error", 2, "not valid YAML: mapping values are not allowed"),
        (b"a: *x\n", "error", 1, "not valid YAML: found undefined alias"),
        (b"\xc3\xa9: b\n\xc3\xa9: \x01\n", "error", 2, "not valid YAML: unacceptable character"),
        (b"a: 1\nb: 2\na: 3\n", "warning", 3, "duplicate key 'a' (first on line 1)"),
        (b"? [a]\n: b\n", "error", 1, "not valid YAML: a mapping or list is used as a key"),
        (b"x: y\na: &a [*a]\n", "error", 2, "not valid YAML: found unconstructable recursive"),
        (b"x: y\na: &a {<<: *a}\n", "error", 2, "not valid YAML: found unconstructable recursive"),
        (b"x: 1\na: {<<: y}\n", "error", 2, "not valid YAML: a merge key (<<) accepts only"),
        (b"x: &x 1\na: *x\n", "note", 2, "uses a YAML alias (*x)"),
        (b"a: b\nc: d", "note", 2, "no newline at the end of the file"),
        (b"a: b\n{{ if .Values.x }}\nc: d\n", "note", 2, "a Helm template"),
        (b'{\n"a": 1,\n}', "note", 2, "not valid JSON: trailing comma (column 7)"),
        (b"[\n1 ,\n\n]", "note", 2, "not valid JSON: trailing comma (column 3)"),
        (b"[1,\n,]", "error", 2, "not valid JSON: expected a value (column 1)"),
        (b'{"a":\n}', "note", 2, "not valid JSON: expected a value (column 1)"),
        (b"[1,\n", "error", 2, "not valid JSON: the text ends too early (truncated?)"),
        (b'{"a": 1,\n', "error", 2, "not valid JSON: the text ends too early (truncated?)"),
        (b"{\na: 1}", "note", 2, "not valid JSON: expected a key in double quotes (column 1)"),
        (b'{"a"\n1}', "error", 2, "not valid JSON: expected a colon after the key (column 1)"),
        (b"[1\n2]", "note", 2, "not valid JSON: expected a comma or a closing bracket (column "),
        (b'{\n"a": "b\n', "error", 2, "not valid JSON: line break or control character in a "),
        (b'{\n"a": "b', "error", 2, "not valid JSON: unterminated string (column 6)"),
        (b'{\n"a": "\\x"}', "error", 2, "not valid JSON: invalid escape (\\)"),
        (b'{\n"a": "\\u12"}', "error", 2, "not valid JSON: invalid escape (\\)"),
        (b'{"a": 1}\nx', "error", 2, "not valid JSON: unexpected text after the end (column 1)"),
        (b'[{},\n{"a": 1, "a": 2}]', "warning", 2, "duplicate key 'a' in an object"),
        (b'{"a": NaN}', "error", 1, "not valid JSON: NaN is not allowed"),
        (b'{"a": 1e999}', "error", 1, "not valid JSON: the number 1e999 is too large"),
        (b"[" + b"9" * 301 + b"]", "error", 1, "not valid JSON: a number has more than 300"),
        (b"a: b\nc: \xe9\n", "error", 2, "not UTF-8: byte 0xe9"),
        ("a: b\n".encode("utf-16"), "error", 1, "UTF-16"),
        ("a: b\nc: d\n".encode("utf-16-be"), "error", 1, "contains a NUL byte"),
        (b"a: b\nc: \0\n", "error", 2, "contains a NUL byte"),
        (b"\xef\xbb\xbfa: b\n", "warning", 1, "starts with a byte order mark"),
        (b"a: b\nc: d\r\n", "note", 2, "Windows line endings"),
        (b" \n\t\n", "note", 1, "the file contains only whitespace"),
        (b"\n[" * 65 + b"]" * 65, "error", 66, "nested deeper than 64 levels"),
        (b"a:\n" + b"- " * 65 + b"b\n", "error", 2, "nested deeper than 64 levels"),
        (b"[" + b"\n{}," * 60_000 + b"0]", "error", 50_001, "too many values to check"),
        (b"- a\n" * 50_000, "error", 42_855, "too many values to check"),
        (b"--- a\n" * 501, "error", 501, "more than 500 documents"),
        (b"- &a b\n" + b"- *a\n" * 501, "error", 502, "more than 500 aliases"),
        (b" " * MAX_FILE_SIZE + b"ab", "error", 1, "too large to check: 2.0 MB, the limit is 2"),
    ],
)
def test_what_is_wrong_and_where(data: bytes, level: str, line: int, reason: str) -> None:
    assert any(
        found[:2] == (level, line) and found[2].startswith(reason) for found in said(data)
    ), said(data)


@pytest.mark.parametrize(
    "data", [b"", b"a: 1\n", b'{"a": [1, 1.5, true, null, "\\u00e9"]}', b"x\n"]
)
def test_what_is_right_has_no_finding(data: bytes) -> None:
    assert said(data) == []


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"a: b\n", "yaml"),
        (b"[]", "json"),
        (b"\0", "unreadable"),
        (b"{{ if .Values.x }}\na: b\n{{ end }}\n", "template"),
        (b"{{- range .Values.x }}\na: b\n{{ end }}\n", "template"),
        (b"a: {{ .Values.x }}\nb: [\n", "template"),
        (b"a: {{ $value }}\nb: c\n", "yaml"),
    ],
)
def test_formats(data: bytes, kind: str) -> None:
    assert parse_documents(data).format == kind


def test_what_postgres_cannot_keep_is_replaced() -> None:
    assert parse_documents(rb'{"\ud800": "\u0000x", "y": "\ud83d\ude00"}').documents == [
        {"\N{REPLACEMENT CHARACTER}": "\N{REPLACEMENT CHARACTER}x", "y": "\N{GRINNING FACE}"}
    ]
    assert parse_documents(rb'a: "\0x"').documents == [{"a": "\N{REPLACEMENT CHARACTER}x"}]


def test_utf_16_is_read() -> None:
    assert parse_documents("a: é\r\nb: c\n".encode("utf-16")).documents == [{"a": "é", "b": "c"}]


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("{{ .Values.x }}", True),
        ('{{ include "x" . }}', True),
        ('{{- template "x" . -}}', False),
        ("# {{ .Values.x }}\na: b # {{ .Values.x", True),
        ("a: b\n  # {{ .Values.x }}\n", False),
        ("{{ $labels.instance }} {{ .Labels.x }}", False),
        ("{{`{{ $labels.instance }}`}}", False),
        (".Values.x", False),
    ],
)
def test_what_only_helm_renders(text: str, needs: bool) -> None:
    assert needs_helm(text) is needs


def test_removing_actions_keeps_the_line_numbers() -> None:
    text = "{{ if .Values.x }}\na: {{ .Values.y }}-{{ .Values.z }}\n  {{ end }} \nb: c\n"
    assert strip_helm(text) == "\na: x-x\n\nb: c\n"


def test_an_embedded_text_is_parsed_once() -> None:
    budget = ParseBudget(left=100)
    first = budget.parse_embedded("a: b\n")
    spent = 100 - budget.left
    assert first.documents == [{"a": "b"}]
    assert budget.parse_embedded("a: b\n") is first
    assert budget.left == 100 - spent
    assert budget.parse_embedded("[" + "1," * 200 + "1]").documents == []
