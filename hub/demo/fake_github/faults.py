"""What can go wrong at GitHub, to be switched on by tests and from the command line."""

import gzip
import http.client
import io
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, reduce
from http.server import BaseHTTPRequestHandler
from operator import getitem
from typing import Any

Act = Callable[[BaseHTTPRequestHandler], bool]
_PART = 64 * 1024  # bytes


@dataclass
class Fault:
    """Does something else than answer, for requests whose path holds `match`.

    `act` gets the request's handler; it returns True when it has dealt with the request, False to
    let the ordinary answer follow. `times` bounds how often (None: until it is removed).
    """

    act: Act
    match: str = ""
    times: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def applies(self, path: str) -> bool:
        """Whether the fault strikes now; counts it."""
        with self._lock:
            if self.match not in path or self.times == 0:
                return False
            if self.times is not None:
                self.times -= 1
            return True


def _send(
    handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes
) -> bool:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)
    return True


def answer(status: int, body: object = None, headers: dict[str, str] | None = None) -> Act:
    """Another answer: `body` as JSON, or as it is when it is text (an HTML page)."""
    html = isinstance(body, str)
    raw = str(body).encode() if html else json.dumps(body).encode()
    kind = "text/html" if html else "application/json; charset=utf-8"
    return lambda handler: _send(handler, status, {"Content-Type": kind, **(headers or {})}, raw)


def server_error(status: int = 502) -> Act:
    """GitHub's unicorn page: HTML instead of JSON."""
    return answer(status, "<html><title>Unicorn! &middot; GitHub</title></html>")


def secondary_limit(retry_after: int | None = None, status: int = 403) -> Act:
    """The secondary limit; GitHub may leave `retry-after` out, and requests remain."""
    message = "Please wait a few minutes before you try again."
    body = {"message": f"You have exceeded a secondary rate limit. {message}"}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return answer(status, body, headers)


def primary_limit(reset_in: int, status: int = 429) -> Act:
    """The hour's requests are used up; `reset_in` seconds from now there are more.

    Negative where the client's clock is ahead.
    """

    def act(handler: BaseHTTPRequestHandler) -> bool:
        headers = {
            "X-RateLimit-Limit": "5000",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(time.time()) + reset_in),
            "X-RateLimit-Resource": "graphql" if handler.path == "/graphql" else "core",
        }
        return answer(status, {"message": "API rate limit exceeded"}, headers)(handler)

    return act


def unasked_not_modified(handler: BaseHTTPRequestHandler) -> bool:
    """304 to one who named no ETag; who named one gets the ordinary answer."""
    return "If-None-Match" not in handler.headers and _send(handler, 304, {}, b"")


def circle(status: int = 302) -> Act:
    """A redirect to the address itself."""
    return lambda handler: answer(status, {}, {"Location": handler.path})(handler)


def slow(seconds: float) -> Act:
    """The ordinary answer, later."""

    def act(_: BaseHTTPRequestHandler) -> bool:
        time.sleep(seconds)  # the fault itself
        return False

    return act


def _served(handler: BaseHTTPRequestHandler) -> bytes:
    """The ordinary answer, made but not sent."""
    wfile, handler.wfile = handler.wfile, io.BytesIO()
    try:
        handler.serve()  # type: ignore[attr-defined]
        return handler.wfile.getvalue()
    finally:
        handler.wfile = wfile


def after_serving(act: Act) -> Act:
    """The request is served, but its answer is lost and `act` follows: the fault of a write."""
    return lambda handler: bool(_served(handler)) and act(handler)


def _ordinary(handler: BaseHTTPRequestHandler) -> tuple[dict[str, str], bytes]:
    """Headers and body of the ordinary answer, whole: never a 304."""
    del handler.headers["If-None-Match"]
    stream = io.BytesIO(_served(handler))
    stream.readline()  # the status
    headers = http.client.parse_headers(stream)
    for name in ("Server", "Date", "Content-Length"):
        del headers[name]
    return dict(headers.items()), stream.read()


def _changed(change: Callable[[Any], Any]) -> Act:
    """The ordinary answer, its JSON changed."""

    def act(handler: BaseHTTPRequestHandler) -> bool:
        headers, body = _ordinary(handler)
        return _send(handler, 200, headers, json.dumps(change(json.loads(body))).encode())

    return act


def with_json(keys: list[Any], text: str) -> Act:
    """The ordinary answer with `text`, which is JSON, at the place that `keys` lead to.

    `["tree", 0, "path"]` is the first entry's path, `[]` the whole body.
    """

    def change(body: Any) -> Any:
        if not keys:
            return json.loads(text)
        reduce(getitem, keys[:-1], body)[keys[-1]] = json.loads(text)
        return body

    return _changed(change)


def half_tree(admits_it: bool) -> Act:
    """The first half of a tree's entries; `truncated` says so, or does not."""

    def change(body: Any) -> Any:
        tree = body["tree"]
        return {**body, "tree": tree[: len(tree) // 2], "truncated": admits_it}

    return _changed(change)


# --- GraphQL, to be switched on with match="/graphql" ---------------------------------------------


def _if_larger(act: Act, more_than: int) -> Act:
    """Acts on a query for more than so many objects: half of it may succeed."""

    def act_if_larger(handler: BaseHTTPRequestHandler) -> bool:
        objects = re.findall(rb"object\s*\(", handler.body)  # type: ignore[attr-defined]
        return len(objects) > more_than and act(handler)

    return act_if_larger


def graphql_error(kind: str, message: str = "", more_than: int = -1) -> Act:
    """200 with an error and no data, as for RATE_LIMITED, FORBIDDEN, RESOURCE_LIMITS_EXCEEDED.

    With an empty `kind` the error has no type: an internal one, or the secondary limit.
    """
    error = {"message": message or _MESSAGES.get(kind, kind)} | ({"type": kind} if kind else {})
    return _if_larger(_changed(lambda _: {"errors": [error]}), more_than)


def graphql_partial(kind: str, message: str = "", files: int = 1) -> Act:
    """The first `files` blobs are null, with an error that names each."""

    def change(body: Any) -> Any:
        error = {"type": kind, "message": message or _MESSAGES.get(kind, kind)}
        for alias in list(_blobs(body))[:files]:
            body["data"]["repository"][alias] = None
            body.setdefault("errors", []).append(error | {"path": ["repository", alias]})
        return body

    return _changed(change)


def graphql_text(what: str, files: int = 1) -> Act:
    """The text of the first `files` blobs is "null", "truncated", or "other" than its SHA says."""
    changes: dict[str, Callable[[str], dict[str, Any]]] = {
        "null": lambda _: {"text": None},
        "truncated": lambda text: {"text": text[: len(text) // 2], "isTruncated": True},
        "other": lambda text: {"text": f"{text}\n"},
    }

    def change(body: Any) -> Any:
        for blob in list(_blobs(body).values())[:files]:
            blob.update(changes[what](blob["text"] or ""))
        return body

    return _changed(change)


def graphql_timeout(status: int = 502, seconds: float = 0.0, more_than: int = -1) -> Act:
    """GitHub gives up on the query after `seconds`; it costs its point. 504 comes as HTML."""
    html = "<html><title>504 Gateway Time-out</title></html>"
    give_up = after_serving(answer(status, html if status == 504 else {"message": _TOO_SLOW}))
    return _if_larger(lambda handler: slow(seconds)(handler) or give_up(handler), more_than)


def graphql_used_up(reset_in: int = 60, left: int = 0) -> Act:
    """Every token has `left` points left from now on; the ordinary answer follows."""

    def act(handler: BaseHTTPRequestHandler) -> bool:
        for limit in handler.server.github.graphql_limits.values():  # type: ignore[attr-defined]
            limit.exhaust(reset_in, left)
        return False

    return act


def _blobs(body: Any) -> dict[str, Any]:
    """The blobs of a query's answer, by alias."""
    repository = (body.get("data") or {}).get("repository") or {}
    return {name: b for name, b in repository.items() if isinstance(b, dict) and "text" in b}


_TOO_SLOW = (
    "We couldn't respond to your request in time. Sorry about that. Please try resubmitting your "
    "request and contact us if the problem persists."
)
_MESSAGES = {
    "": "Something went wrong while executing your query. This may be the result of a timeout, "
    "or it could be a GitHub bug.",
    "FORBIDDEN": "Resource not accessible by personal access token",
    "NOT_FOUND": "Could not resolve to a Repository with the name 'owner/name'.",
    "RATE_LIMIT": "API rate limit already exceeded for user ID 1.",
    "RATE_LIMITED": "API rate limit exceeded for user ID 1.",
    "RESOURCE_LIMITS_EXCEEDED": "Resource limits for this query exceeded.",
}


# --- broken and endless bodies --------------------------------------------------------------------


def cut_off(handler: BaseHTTPRequestHandler) -> bool:
    """Half of the ordinary answer, whose end is the connection's: nothing says how long it is."""
    headers, body = _ordinary(handler)
    handler.send_response(200)
    for name, value in {**headers, "Connection": "close"}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    return True


def half_body(handler: BaseHTTPRequestHandler) -> bool:
    """Announces more than it sends, then closes."""
    _send(handler, 200, {"Content-Length": "1000"}, b'{"sha": "')
    handler.close_connection = True
    return True


def reset(handler: BaseHTTPRequestHandler) -> bool:
    """Cuts the connection without an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    return True


def flood(status: int = 200) -> Act:
    """Sends as much as the reader takes, without end; as a redirect, too."""

    def act(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(status)
        handler.send_header("Location", handler.path)
        handler.end_headers()
        return _send_without_end(handler, b" " * _PART)

    return act


def gzip_bomb(handler: BaseHTTPRequestHandler) -> bool:
    """A body of 100 kB that becomes 100 MB at the reader's."""
    return _send(handler, 200, {"Content-Encoding": "gzip"}, _bomb())


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * 100_000_000)


def endless_body(handler: BaseHTTPRequestHandler) -> bool:
    """Sends a byte now and then until the reader leaves."""
    _send(handler, 200, {"Content-Length": "1000000000"}, b"")
    return _send_without_end(handler, b" ", pause=0.1)


def endless_headers(handler: BaseHTTPRequestHandler) -> bool:
    """Sends a byte of a header now and then until the reader leaves."""
    handler.send_response(200)
    handler.flush_headers()
    return _send_without_end(handler, b"X", pause=0.1)


def _send_without_end(handler: BaseHTTPRequestHandler, part: bytes, pause: float = 0.0) -> bool:
    handler.close_connection = True
    while True:
        try:
            handler.wfile.write(part)
            handler.wfile.flush()
        except OSError:
            return True
        time.sleep(pause)  # the fault itself
