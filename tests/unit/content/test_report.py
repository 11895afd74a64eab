"""Tests of reports as Postgres stores them."""

import json

import pytest

from hub.content.judgement import Judgement
from hub.content.rules.judge import judge
from hub.content.rules.report import FileReport


@pytest.mark.parametrize(
    "data",
    [
        b'{"title": "a\\u0000b", "schemaVersion": 39, "panels": [{"title": "\\ud800"}]}',
        b'groups:\n- name: "a\\0b"\n  rules:\n  - alert: "c\\0"\n    expr: "\\0"\n',
        b'apiVersion: v1\nkind: "Ser\\0vice"\n',
        b'name: "a\\0"\nversion: "1\\0"\n',
        b'"a\\0": 1\nb: 2\n',
    ],
)
def test_a_report_contains_nothing_that_postgres_rejects(data: bytes) -> None:
    text = json.dumps(judge(data).as_json())
    assert "\\u0000" not in text
    assert "\\ud800" not in text


def test_a_report_of_a_newer_version_can_be_read() -> None:
    report = judge(b"groups: []\n").as_json()
    assert FileReport.from_json(report | {"objectives": ["a"]}) == judge(b"groups: []\n")
    finding = {"level": "error", "about": "objective", "line": 1, "reason": "new", "help": "new"}
    assert FileReport.from_json(report | {"findings": [finding]}) == FileReport("unreadable")
    judgement = Judgement.from_json({"files": {"a": {"S": True}}, "findings": [finding]})
    assert [found.reason for found in judgement.findings] == ["new"]
    assert judgement.kinds() == {}
