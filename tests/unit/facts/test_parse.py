"""Parsing GitHub's responses about a repository into values that Postgres can store."""

import base64
from typing import Any

import pytest

from hub.facts import parse
from hub.github.errors import UnexpectedAnswer

REPOSITORY = {
    "full_name": "tests/redis",
    "description": "Metrics\n of  Redis",
    "stargazers_count": 7,
    "archived": False,
    "default_branch": "main",
}


def readme(text: bytes, **fields: Any) -> dict[str, Any]:
    content = base64.encodebytes(text).decode()
    return {"encoding": "base64", "content": content, "path": "README.md", "sha": "a" * 40} | fields


def release(tag: str, **fields: Any) -> dict[str, Any]:
    return {
        "tag_name": tag,
        "name": None,
        "body": None,
        "html_url": f"https://github.com/tests/redis/releases/tag/{tag}",
        "prerelease": False,
        "draft": False,
        "published_at": "2026-03-01T10:00:00Z",
    } | fields


def test_a_repository() -> None:
    facts = parse.parse_repository(REPOSITORY)
    assert (facts.name, facts.description, facts.stars) == ("tests/redis", "Metrics of Redis", 7)
    assert parse.parse_repository(REPOSITORY | {"description": None}).description == ""
    long = parse.parse_repository(REPOSITORY | {"description": "x" * 350}).description
    assert (len(long), long[-1]) == (300, "…")


@pytest.mark.parametrize(
    "answer",
    [
        [],
        None,
        "text",
        {},
        REPOSITORY | {"stargazers_count": "many"},
        REPOSITORY | {"full_name": "../../rate_limit"},
        REPOSITORY | {"full_name": "a/b/c"},
    ],
)
def test_another_schema_is_no_repository(answer: Any) -> None:
    with pytest.raises(UnexpectedAnswer):
        parse.parse_repository(answer)


def test_a_readme_is_truncated_and_storable() -> None:
    facts = parse.parse_readme(readme(b"a\0b\xff"))
    assert facts is not None
    assert facts.text == "a\ufffdb\ufffd"
    long = parse.parse_readme(readme("ü".encode() * 400_000))
    assert long is not None
    assert len(long.text.encode()) <= parse.MAX_README_SIZE + 2
    assert parse.parse_readme(readme(b"", encoding="none", content="")) is None
    for answer in ([], {}, readme(b"") | {"content": "no base64!"[:-2]}):
        with pytest.raises(UnexpectedAnswer):
            parse.parse_readme(answer)


def test_releases_without_drafts_newest_first() -> None:
    answer = [
        release("v1", published_at="2026-01-01T00:00:00Z"),
        release("v3", draft=True, published_at=None),
        release("v2", name="Two", body="x" * 70_000, prerelease=True),
        release("v2", name="the same tag again"),
        release("v" * 201),
        release("v0", body="lone \ud800 surrogate", published_at="2025-01-01T00:00:00Z"),
    ]
    found = parse.parse_releases(answer)
    assert [facts.tag for facts in found] == ["v2", "v1", "v0"]
    assert (found[0].name, found[0].prerelease) == ("Two", True)
    assert len(found[0].body) == parse.MAX_BODY_LENGTH
    assert found[2].body == "lone ? surrogate"
    assert len(parse.parse_releases([release(f"v{n}") for n in range(40)])) == 30


@pytest.mark.parametrize(
    "answer",
    [
        {},
        ["text"],
        [release("v1", html_url="javascript:alert(1)")],
        [release("v1", published_at="yesterday")],
        [{"draft": False}],
    ],
)
def test_another_schema_is_no_list_of_releases(answer: Any) -> None:
    with pytest.raises(UnexpectedAnswer):
        parse.parse_releases(answer)
