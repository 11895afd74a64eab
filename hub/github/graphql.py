"""Fetching files over GraphQL: up to 50 in one query, where REST takes a request for each.

GraphQL has a rate limit of its own, so a directory costs one request of each limit. What it cannot
carry exactly (binary files, text that it cuts off or decodes to something else) is left to REST.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import requests
from pydantic_core import from_json

from hub.github import errors
from hub.github.client import GitHubClient
from hub.github.git_objects import blob_sha
from hub.github.responses import reset_time, retry_time

MOST_FILES = 50  # in one query
_MOST_BYTES = 4 * 1024 * 1024  # in one query: GitHub gives up on one after ten seconds
_LARGEST_FILE = 500_000  # bytes; GitHub cuts the text of larger ones off
# Types of errors that a smaller query may avoid ("Resource limits for the GraphQL API").
_TOO_LARGE = {"RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED", "TIMEOUT"}


def fetch_files(
    client: GitHubClient, repository: str, sizes: Mapping[str, int]
) -> Iterator[tuple[dict[str, bytes], int]]:
    """Fetch files by blob SHA; `sizes` maps each to its bytes.

    Yields, for each query, the files that came exactly (SHA → bytes) and the requests that it took.
    Raises a `GitHubError`, `GraphQLNotOffered` among them.
    """
    left = [sha for sha, size in sizes.items() if size <= _LARGEST_FILE]
    most = MOST_FILES
    while left and most:
        part = _first(left, sizes, most)
        try:
            answer = client.query(_document(len(part)), _variables(repository, part), _repository)
        except errors.QueryTooLarge:
            most = len(part) // 2
            yield {}, 1
            continue
        yield dict(_exact(part, answer.data)), answer.requests
        left = left[len(part) :]


def _first(shas: list[str], sizes: Mapping[str, int], most: int) -> list[str]:
    """The first `most` of the files, or fewer if these are large."""
    part: list[str] = []
    total = 0
    for sha in shas[:most]:
        total += sizes[sha]
        if part and total > _MOST_BYTES:
            break
        part.append(sha)
    return part


@cache
def _document(files: int) -> str:
    """The query for so many files. SHAs are variables, so each number has one document."""
    variables = "".join(f", $o{n}: GitObjectID!" for n in range(files))
    blob = "... on Blob { oid byteSize isBinary isTruncated text }"
    objects = " ".join(f"b{n}: object(oid: $o{n}) {{ {blob} }}" for n in range(files))
    return (
        f"query($owner: String!, $name: String!{variables}) {{"
        f" repository(owner: $owner, name: $name) {{ {objects} }}"
        " rateLimit { cost remaining resetAt } }"
    )


def _variables(repository: str, shas: list[str]) -> dict[str, str]:
    owner, _, name = repository.partition("/")
    return {"owner": owner, "name": name} | {f"o{n}": sha for n, sha in enumerate(shas)}


def _repository(response: requests.Response) -> dict[str, Any]:
    """The repository of an answer. Raises a `GitHubError` for what a 200 reports as errors.

    Some objects may be null, with an error for each: those are left to REST.
    """
    answer = from_json(response.content)
    if not isinstance(answer, dict):
        raise errors.UnexpectedAnswer("/graphql: not an object")
    found = answer.get("errors")
    for error in found if isinstance(found, list) else []:
        kind, message = _kind_and_message(error)
        if kind in ("RATE_LIMITED", "RATE_LIMIT"):
            raise errors.RateLimited(f"/graphql: {message}", reset_time(response))
        if "secondary rate limit" in message.lower():
            raise errors.SecondaryLimited(f"/graphql: {message}", retry_time(response))
    data = answer.get("data")
    repository = data.get("repository") if isinstance(data, dict) else None
    if isinstance(repository, dict):
        return repository
    if not isinstance(found, list) or not found:
        raise errors.UnexpectedAnswer("/graphql: no repository in the answer")
    kind, message = _kind_and_message(found[0])
    if kind in _TOO_LARGE or message.startswith("Something went wrong"):
        raise errors.QueryTooLarge(f"/graphql: {message}")
    raise errors.GraphQLNotOffered(f"/graphql: {kind} {message}")


def _kind_and_message(error: Any) -> tuple[str, str]:
    if not isinstance(error, dict):
        return "", ""
    message = "".join(filter(str.isprintable, str(error.get("message", ""))[:200]))
    return str(error.get("type", "")), message


def _exact(shas: list[str], repository: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """The files whose text hashes to their SHA: nothing else is ever stored."""
    for number, sha in enumerate(shas):
        blob = repository.get(f"b{number}")
        text = blob.get("text") if isinstance(blob, dict) else None
        if isinstance(text, str):
            data = text.encode("utf-8", "surrogatepass")
            if blob_sha(data, like=sha) == sha:
                yield sha, data
