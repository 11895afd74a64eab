"""Faults of GitHub that tests and the command line can enable."""

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
from email.utils import formatdate
from functools import cache, reduce
from http.server import BaseHTTPRequestHandler
from operator import getitem
from typing import Any

Act = Callable[[BaseHTTPRequestHandler], bool]
_PART = 64 * 1024  # bytes


@dataclass
class Fault:
    """Replaces or delays the normal response to requests whose path contains `match`.

    `act` receives the request handler. It returns True if it has sent a response, False to let the
    normal response follow. `times` limits how often it applies (None: until it is removed).
    """

    act: Act
    match: str = ""
    times: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def applies(self, path: str) -> bool:
        """Return whether the fault applies to this request, and count it."""
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
    """Send another response: `body` as JSON, or unchanged as HTML if it is a string."""
    html = isinstance(body, str)
    raw = str(body).encode() if html else json.dumps(body).encode()
    kind = "text/html" if html else "application/json; charset=utf-8"
    return lambda handler: _send(handler, status, {"Content-Type": kind, **(headers or {})}, raw)


def server_error(status: int = 502) -> Act:
    """Send GitHub's "Unicorn" error page: HTML instead of JSON."""
    return answer(status, "<html><title>Unicorn! &middot; GitHub</title></html>")


def secondary_limit(retry_after: int | None = None, status: int = 403) -> Act:
    """Send a secondary rate limit error. GitHub may omit `Retry-After`; the quota remains."""
    message = "Please wait a few minutes before you try again."
    body = {"message": f"You have exceeded a secondary rate limit. {message}"}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return answer(status, body, headers)


def primary_limit(reset_in: int, status: int = 429, ahead: int = 0) -> Act:
    """Send a primary rate limit error. `reset_in` < 0 simulates a client whose clock is ahead.

    `ahead`: the seconds by which GitHub's clock is ahead of the client's.
    """

    def act(handler: BaseHTTPRequestHandler) -> bool:
        headers = {
            "X-RateLimit-Limit": "5000",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(time.time()) + reset_in + ahead),
            "X-RateLimit-Resource": "graphql" if handler.path == "/graphql" else "core",
        }
        now = formatdate(time.time() + ahead, usegmt=True)
        handler.date_time_string = lambda *_: now  # type: ignore[method-assign]
        try:
            return answer(status, {"message": "API rate limit exceeded"}, headers)(handler)
        finally:
            del handler.date_time_string  # the handler's next response is another one

    return act


def unexpected_not_modified(handler: BaseHTTPRequestHandler) -> bool:
    """Send 304 to requests without an ETag, the normal response to others."""
    return "If-None-Match" not in handler.headers and _send(handler, 304, {}, b"")


def redirect_loop(status: int = 302) -> Act:
    """Redirect to the same URL."""
    return lambda handler: answer(status, {}, {"Location": handler.path})(handler)


def slow(seconds: float) -> Act:
    """Delay the normal response."""

    def act(_: BaseHTTPRequestHandler) -> bool:
        time.sleep(seconds)  # simulates a slow server
        return False

    return act


def _serve_to_memory(handler: BaseHTTPRequestHandler) -> bytes:
    """Return the normal response without sending it."""
    wfile, handler.wfile = handler.wfile, io.BytesIO()
    try:
        handler.serve()  # type: ignore[attr-defined]
        return handler.wfile.getvalue()
    finally:
        handler.wfile = wfile


def after_serving(act: Act) -> Act:
    """Process the request, but send `act` instead of its response: a write whose reply is lost."""
    return lambda handler: bool(_serve_to_memory(handler)) and act(handler)


def _ordinary(handler: BaseHTTPRequestHandler) -> tuple[dict[str, str], bytes]:
    """Return the headers and the complete body of the normal response, never a 304."""
    del handler.headers["If-None-Match"]
    stream = io.BytesIO(_serve_to_memory(handler))
    stream.readline()  # the status
    headers = http.client.parse_headers(stream)
    for name in ("Server", "Date", "Content-Length"):
        del headers[name]
    return dict(headers.items()), stream.read()


def _changed(change: Callable[[Any], Any]) -> Act:
    """Send the normal response with its JSON changed."""

    def act(handler: BaseHTTPRequestHandler) -> bool:
        headers, body = _ordinary(handler)
        return _send(handler, 200, headers, json.dumps(change(json.loads(body))).encode())

    return act


def with_json(keys: list[Any], text: str) -> Act:
    """Send the normal response with the JSON `text` as the value at `keys`.

    `["tree", 0, "path"]` is the path of the first entry, `[]` the whole body.
    """

    def change(body: Any) -> Any:
        if not keys:
            return json.loads(text)
        reduce(getitem, keys[:-1], body)[keys[-1]] = json.loads(text)
        return body

    return _changed(change)


def half_tree(truncated: bool) -> Act:
    """Send the first half of a tree's entries, with `truncated` true or false."""

    def change(body: Any) -> Any:
        tree = body["tree"]
        return {**body, "tree": tree[: len(tree) // 2], "truncated": truncated}

    return _changed(change)


# --- GraphQL, to be used with match="/graphql" ----------------------------------------------------


def _if_larger(act: Act, more_than: int) -> Act:
    """Apply `act` only to queries for more than `more_than` objects."""

    def act_if_larger(handler: BaseHTTPRequestHandler) -> bool:
        objects = re.findall(rb"object\s*\(", handler.body)  # type: ignore[attr-defined]
        return len(objects) > more_than and act(handler)

    return act_if_larger


def graphql_error(kind: str, message: str = "", more_than: int = -1) -> Act:
    """Send 200 with an error and no data, such as RATE_LIMITED or RESOURCE_LIMITS_EXCEEDED.

    With an empty `kind` the error has no type, like internal errors and secondary limits.
    """
    error = {"message": message or _MESSAGES.get(kind, kind)} | ({"type": kind} if kind else {})
    return _if_larger(_changed(lambda _: {"errors": [error]}), more_than)


def graphql_partial(kind: str, message: str = "", files: int = 1) -> Act:
    """Replace the first `files` blobs by null, with an error for each."""

    def change(body: Any) -> Any:
        error = {"type": kind, "message": message or _MESSAGES.get(kind, kind)}
        for alias in list(_blobs(body))[:files]:
            body["data"]["repository"][alias] = None
            body.setdefault("errors", []).append(error | {"path": ["repository", alias]})
        return body

    return _changed(change)


def graphql_text(what: str, files: int = 1) -> Act:
    """Make the text of the first `files` blobs "null", "truncated" or "other" than the file's."""
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
    """Abort the query after `seconds`; it still costs a point. A 504 has an HTML body."""
    html = "<html><title>504 Gateway Time-out</title></html>"
    give_up = after_serving(answer(status, html if status == 504 else {"message": _TOO_SLOW}))
    return _if_larger(lambda handler: slow(seconds)(handler) or give_up(handler), more_than)


def graphql_used_up(reset_in: int = 60, left: int = 0) -> Act:
    """Leave `left` points to every token; the normal response follows."""

    def act(handler: BaseHTTPRequestHandler) -> bool:
        for limit in handler.server.github.graphql_limits.values():  # type: ignore[attr-defined]
            limit.exhaust(reset_in, left)
        return False

    return act


def _blobs(body: Any) -> dict[str, Any]:
    """Return the blobs of a query's response by alias."""
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
    """Send half of the normal response without a length, and close the connection."""
    headers, body = _ordinary(handler)
    handler.send_response(200)
    for name, value in {**headers, "Connection": "close"}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    return True


def half_body(handler: BaseHTTPRequestHandler) -> bool:
    """Send less than `Content-Length` announces, and close the connection."""
    _send(handler, 200, {"Content-Length": "1000"}, b'{"sha": "')
    handler.close_connection = True
    return True


def reset(handler: BaseHTTPRequestHandler) -> bool:
    """Reset the connection without a response."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    return True


def flood(status: int = 200) -> Act:
    """Send an endless body as fast as the client reads it; with a 3xx status, in a redirect."""

    def act(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(status)
        handler.send_header("Location", handler.path)
        handler.end_headers()
        return _send_without_end(handler, b" " * _PART)

    return act


def gzip_bomb(handler: BaseHTTPRequestHandler) -> bool:
    """Send a body of 100 kB that decompresses to 100 MB."""
    return _send(handler, 200, {"Content-Encoding": "gzip"}, _bomb())


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * 100_000_000)


def endless_body(handler: BaseHTTPRequestHandler) -> bool:
    """Send a byte every 0.1 seconds until the client disconnects."""
    _send(handler, 200, {"Content-Length": "1000000000"}, b"")
    return _send_without_end(handler, b" ", pause=0.1)


def endless_headers(handler: BaseHTTPRequestHandler) -> bool:
    """Send a byte of a header every 0.1 seconds until the client disconnects."""
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
        time.sleep(pause)  # simulates a slow server
