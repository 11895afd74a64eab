"""Fetch files over GraphQL: up to 50 in one query, where REST needs one request per file.

GraphQL has a separate rate limit, so a directory costs one request against each limit. Files that
GraphQL cannot return exactly (binary, truncated or wrongly decoded text) are fetched over REST.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import requests
from pydantic_core import from_json

from hub.github import errors
from hub.github.client import GitHubClient
from hub.github.git_objects import blob_sha
from hub.github.renames import current_name
from hub.github.responses import reset_time, retry_time

MAX_FILES = 50  # in one query
_MAX_BYTES = 4 * 1024 * 1024  # in one query: GitHub aborts a query after ten seconds
_MAX_FILE_SIZE = 500_000  # bytes; GitHub truncates the text of larger files
# Error types that a smaller query may avoid ("Resource limits for the GraphQL API").
_TOO_LARGE = {"RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED", "TIMEOUT"}


def fetch_files(
    client: GitHubClient, repository: str, sizes: Mapping[str, int]
) -> Iterator[tuple[dict[str, bytes], int]]:
    """Fetch files by blob SHA. `sizes` maps each SHA to the file's size in bytes.

    Yields for each query the files that match their SHA (SHA → contents) and the number of
    requests. Raises a `GitHubError`, for example `GraphQLUnavailable`.
    """
    remaining = [sha for sha, size in sizes.items() if size <= _MAX_FILE_SIZE]
    batch_size, name = MAX_FILES, current_name(repository)
    while remaining and batch_size:
        batch = _next_batch(remaining, sizes, batch_size)
        try:
            document, variables = _document(len(batch)), _variables(name, batch)
            answer = client.query(document, variables, _decode_repository)
        except errors.QueryTooLarge:
            batch_size = len(batch) // 2
            yield {}, 1
            continue
        yield dict(_verified(batch, answer.data)), answer.requests
        remaining = remaining[len(batch) :]


def _next_batch(shas: list[str], sizes: Mapping[str, int], batch_size: int) -> list[str]:
    """Return the first `batch_size` of the files, or fewer if they are large."""
    batch: list[str] = []
    total = 0
    for sha in shas[:batch_size]:
        total += sizes[sha]
        if batch and total > _MAX_BYTES:
            break
        batch.append(sha)
    return batch


@cache
def _document(files: int) -> str:
    """Return the query for a number of files. The SHAs are variables, so it can be cached."""
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


def _decode_repository(response: requests.Response) -> dict[str, Any]:
    """Decode the repository. Raises a `GitHubError` for errors in a 200 response."""
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
        return repository  # null objects, each with an error, are fetched over REST
    if not isinstance(found, list) or not found:
        raise errors.UnexpectedAnswer("/graphql: no repository in the response")
    kind, message = _kind_and_message(found[0])
    if kind in _TOO_LARGE or message.startswith("Something went wrong"):
        raise errors.QueryTooLarge(f"/graphql: {message}")
    raise errors.GraphQLUnavailable(f"/graphql: {kind} {message}")


def _kind_and_message(error: Any) -> tuple[str, str]:
    if not isinstance(error, dict):
        return "", ""
    message = "".join(filter(str.isprintable, str(error.get("message", ""))[:200]))
    return str(error.get("type", "")), message


def _verified(shas: list[str], repository: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Yield the files whose text matches their SHA: nothing else is stored."""
    for number, sha in enumerate(shas):
        blob = repository.get(f"b{number}")
        text = blob.get("text") if isinstance(blob, dict) else None
        if isinstance(text, str):
            data = text.encode("utf-8", "surrogatepass")
            if blob_sha(data, like=sha) == sha:
                yield sha, data
