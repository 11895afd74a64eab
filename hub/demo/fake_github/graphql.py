"""GitHub's GraphQL API: GitHub's schema, executed against the fake repositories."""

import base64
import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from dulwich.objects import Blob, Commit
from graphql import DocumentNode, GraphQLError, build_schema, execute_sync, parse, validate

from hub.demo.fake_github.limits import RateLimit
from hub.demo.fake_github.repository import OtherRepository, Repository

_Find = Callable[[str], OtherRepository | None]  # by OWNER/NAME

_SCHEMA = build_schema(Path(__file__).with_name("github.graphql").read_text(encoding="utf-8"))
_SEARCHED_FOR_NUL = 8000  # bytes: git's test for binary files
_MAX_TEXT_SIZE = 512_000  # bytes; GitHub truncates longer texts


def _git_object_id(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{40}", value):
        raise ValueError(f"Could not coerce value {json.dumps(value)} to GitObjectID")
    return value


_OID: Any = _SCHEMA.type_map["GitObjectID"]
_OID.coerce_input_value = _git_object_id  # variables
_OID.coerce_input_literal = lambda node: _git_object_id(getattr(node, "value", None))


def answer_query(find: _Find, limit: RateLimit, body: bytes) -> dict[str, Any]:
    """Execute a query, which costs a point. Raises `ValueError` for an invalid JSON body."""
    request = json.loads(body)
    document = request.get("query") if isinstance(request, dict) else None
    if not isinstance(document, str):
        return _errors(GraphQLError("A query attribute must be specified and must be a string."))
    if not limit.take():
        message = "API rate limit exceeded for user ID 1."
        return _errors(GraphQLError(message, extensions={"type": "RATE_LIMITED"}))
    parsed = _parsed(document)
    if isinstance(parsed, list):
        return _errors(*parsed)
    root = {
        "repository": lambda _, **arguments: _repository(find, **arguments),
        "rateLimit": lambda *_, **__: _rate_limit(limit),
    }
    variables, operation = request.get("variables") or {}, request.get("operationName")
    result = execute_sync(
        _SCHEMA, parsed, root, variable_values=variables, operation_name=operation
    )
    data = {} if result.data is None else {"data": result.data}
    return data | (_errors(*result.errors) if result.errors else {})


@lru_cache(maxsize=512)
def _parsed(document: str) -> DocumentNode | list[GraphQLError]:
    try:
        parsed = parse(document)
    except GraphQLError as error:
        return [error]
    return validate(_SCHEMA, parsed) or parsed


def _errors(*errors: GraphQLError) -> dict[str, Any]:
    """Format errors like GitHub, with the type next to the message."""
    formatted: list[dict[str, Any]] = [{**error.formatted} for error in errors]
    return {"errors": [error.pop("extensions", {}) | error for error in formatted]}


def _rate_limit(limit: RateLimit) -> dict[str, Any]:
    reset = datetime.fromtimestamp(limit.reset, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {**limit.as_json(), "cost": 1, "nodeCount": 0, "resetAt": reset}


def _repository(find: _Find, owner: str, name: str, **options: Any) -> dict[str, Any]:
    full_name = f"{owner}/{name}"
    found = find(full_name)
    is_renamed = found is not None and found.name.casefold() != full_name.casefold()
    if found is None or (is_renamed and not options["followRenames"]):
        message = f"Could not resolve to a Repository with the name '{full_name}'."
        raise GraphQLError(message, extensions={"type": "NOT_FOUND"})
    objects = _Objects(found.files or Repository(), found)
    return {
        "nameWithOwner": found.name,
        "description": found.description or None,
        "isArchived": found.archived,
        "isPrivate": False,
        "stargazerCount": found.stars,
        "defaultBranchRef": objects.branch(),
        "object": lambda _, **arguments: objects.find(**arguments),
    }


class _Objects:
    """Resolves the git objects of a repository."""

    def __init__(self, repository: Repository, facts: OtherRepository) -> None:
        self._repository, self._facts = repository, facts

    def branch(self) -> dict[str, Any] | None:
        """Return the default branch; None in an empty repository."""
        name = self._facts.default_branch
        newest = self._repository.branches.get(name)
        return {"name": name, "target": self.get(newest)} if newest else None

    def find(self, oid: str | None = None, expression: str | None = None) -> dict[str, Any] | None:
        """Return an object by SHA, or by expression: a branch or SHA, optionally with `:path`."""
        if expression is None:
            return self.get(oid or "")
        name, colon, path = expression.partition(":")
        name = self._facts.default_branch if name == "HEAD" else name
        if not colon:
            return self.get(self._repository.branches.get(name, name))
        entry = self._repository.find(name, path)
        return self.get(entry.sha, entry.path) if entry else None

    def get(self, sha: str, path: str = "") -> dict[str, Any] | None:
        """Return an object by its SHA. `path` is the path of a tree, for its entries."""
        found = self._repository.objects.get(sha)
        if found is None:
            return None
        commit_path = f"/{self._facts.name}/commit/{sha}"
        common = {
            "oid": sha,
            "abbreviatedOid": sha[:7],
            "commitResourcePath": commit_path,
            "commitUrl": f"https://github.com{commit_path}",
        }
        if isinstance(found, Blob):
            return common | _blob(found.data)
        if isinstance(found, Commit):
            tree = self.get(found.tree.decode())
            return common | {"__typename": "Commit", "tree": tree}
        return common | {"__typename": "Tree", "entries": lambda _: self._entries(sha, path)}

    def _entries(self, sha: str, path: str) -> list[dict[str, Any]]:
        return [
            {
                "name": entry.path,
                "nameRaw": _base64(entry.path),
                "path": (full := f"{path}/{entry.path}".lstrip("/")),
                "pathRaw": _base64(full),
                "extension": PurePosixPath(entry.path).suffix,
                "mode": entry.mode,
                "type": entry.type,
                "oid": entry.sha,
                "size": self._repository.size(entry.sha),
                "object": lambda _, entry=entry, full=full: self.get(entry.sha, full),
            }
            for entry in self._repository.entries(sha)
        ]


def _blob(content: bytes) -> dict[str, Any]:
    is_binary = b"\0" in content[:_SEARCHED_FOR_NUL]
    return {
        "__typename": "Blob",
        "byteSize": len(content),
        "isBinary": is_binary,
        "isTruncated": len(content) > _MAX_TEXT_SIZE,
        "text": None if is_binary else content[:_MAX_TEXT_SIZE].decode(errors="replace"),
    }


def _base64(name: str) -> str:
    return base64.b64encode(os.fsencode(name)).decode()
