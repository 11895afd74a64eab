"""Tests of reports as Postgres stores them."""

import json

import pytest

from hub.content.rules.judge import judge


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
