"""The client's GraphQL queries are valid according to GitHub's published schema."""

from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from hub.demo import fake_github
from hub.github.graphql import MAX_FILES, _document, _next_batch, _variables

SCHEMA = build_schema(Path(fake_github.__file__).with_name("github.graphql").read_text())


@pytest.mark.parametrize("files", [1, 2, MAX_FILES])
def test_a_query_is_valid(files: int) -> None:
    assert validate(SCHEMA, parse(_document(files))) == []


@pytest.mark.parametrize("files", [1, MAX_FILES])
def test_a_query_declares_each_variable_that_is_sent(files: int) -> None:
    [operation] = parse(_document(files)).definitions
    declared = {v.variable.name.value for v in operation.variable_definitions}  # type: ignore[attr-defined]
    sent = _variables("owner/name", [f"{n:040}" for n in range(files)])
    assert sent.keys() == declared
    assert (sent["owner"], sent["name"]) == ("owner", "name")


def test_large_files_share_a_query_if_they_fit() -> None:
    shas = [str(n) for n in range(MAX_FILES + 1)]
    assert _next_batch(shas, dict.fromkeys(shas, 1_000), MAX_FILES) == shas[:MAX_FILES]
    assert len(_next_batch(shas, dict.fromkeys(shas, 500_000), MAX_FILES)) == 8
    assert _next_batch(shas, dict.fromkeys(shas, 10**9), MAX_FILES) == shas[:1]
