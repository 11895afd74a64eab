"""What can go wrong at GitHub, to be switched on by tests and from the command line."""

import gzip
import http.client
import io
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import Any

_PART = 64 * 1024  # bytes


@dataclass
class Fault:
    """Does something else than answer, for requests whose path holds `match`.

    `act` gets the request's handler; it returns True when it has dealt with the request, False to
    let the ordinary answer follow. `times` bounds how often (None: until it is removed).
    """

    act: Callable[[BaseHTTPRequestHandler], bool]
    match: str = ""
    times: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def applies(self, path: str) -> bool:
        """Whether the fault strikes now; counts it."""
        if self.match not in path:
            return False
        with self._lock:
            if self.times is not None:
                if self.times == 0:
                    return False
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


def answer(
    status: int, body: object = None, headers: dict[str, str] | None = None
) -> Callable[[BaseHTTPRequestHandler], bool]:
    """Another answer: `body` as JSON, or as it is when it is text (an HTML page)."""
    html = isinstance(body, str)
    raw = str(body).encode() if html else json.dumps(body).encode()
    kind = "text/html" if html else "application/json; charset=utf-8"
    return lambda handler: _send(handler, status, {"Content-Type": kind, **(headers or {})}, raw)


def server_error(status: int = 502) -> Callable[[BaseHTTPRequestHandler], bool]:
    """GitHub's unicorn page: HTML instead of JSON."""
    return answer(status, "<html><title>Unicorn! &middot; GitHub</title></html>")


def secondary_limit(
    retry_after: int | None = None, status: int = 403
) -> Callable[[BaseHTTPRequestHandler], bool]:
    """The secondary limit; GitHub may leave `retry-after` out, and requests remain."""
    return answer(
        status,
        {
            "message": "You have exceeded a secondary rate limit. "
            "Please wait a few minutes before you try again."
        },
        {} if retry_after is None else {"Retry-After": str(retry_after)},
    )


def primary_limit(reset_in: int, status: int = 429) -> Callable[[BaseHTTPRequestHandler], bool]:
    """The hour's requests are used up; `reset_in` seconds from now there are more.

    Negative where the clock of who asks is ahead.
    """

    def act(handler: BaseHTTPRequestHandler) -> bool:
        headers = {
            "X-RateLimit-Limit": "5000",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(time.time()) + reset_in),
        }
        return answer(status, {"message": "API rate limit exceeded"}, headers)(handler)

    return act


def unasked_not_modified(handler: BaseHTTPRequestHandler) -> bool:
    """304 to one who named no ETag; who named one gets the ordinary answer."""
    return "If-None-Match" not in handler.headers and _send(handler, 304, {}, b"")


def circle(status: int = 302) -> Callable[[BaseHTTPRequestHandler], bool]:
    """A redirect to the address itself."""
    return lambda handler: answer(status, {}, {"Location": handler.path})(handler)


def slow(seconds: float) -> Callable[[BaseHTTPRequestHandler], bool]:
    """The ordinary answer, later."""

    def act(_: BaseHTTPRequestHandler) -> bool:
        time.sleep(seconds)  # the fault itself
        return False

    return act


def after_serving(
    act: Callable[[BaseHTTPRequestHandler], bool],
) -> Callable[[BaseHTTPRequestHandler], bool]:
    """The request is served, but its answer is lost and `act` follows: the fault of a write."""

    def serve_and_act(handler: BaseHTTPRequestHandler) -> bool:
        wfile, handler.wfile = handler.wfile, io.BytesIO()
        try:
            handler._serve(handler.server.github)  # type: ignore[attr-defined]
        finally:
            handler.wfile = wfile
        return act(handler)

    return serve_and_act


def _ordinary(handler: BaseHTTPRequestHandler) -> tuple[dict[str, str], bytes]:
    """Headers and body of the ordinary answer, whole: never a 304."""
    del handler.headers["If-None-Match"]
    wfile, handler.wfile = handler.wfile, io.BytesIO()
    try:
        handler._serve(handler.server.github)  # type: ignore[attr-defined]
        sent = handler.wfile.getvalue()
    finally:
        handler.wfile = wfile
    stream = io.BytesIO(sent)
    stream.readline()  # the status
    headers = http.client.parse_headers(stream)
    for name in ("Server", "Date", "Content-Length"):
        del headers[name]
    return dict(headers.items()), stream.read()


def with_json(keys: list[Any], text: str) -> Callable[[BaseHTTPRequestHandler], bool]:
    """The ordinary answer, but `text`, which is JSON, stands where `keys` lead to.

    `["tree", 0, "path"]` is the first entry's path, `[]` the whole body.
    """

    def act(handler: BaseHTTPRequestHandler) -> bool:
        headers, body = _ordinary(handler)
        data = {"": json.loads(body)}
        inner: Any = data
        *way, last = ["", *keys]
        for key in way:
            inner = inner[key]
        inner[last] = json.loads(text)
        return _send(handler, 200, headers, json.dumps(data[""]).encode())

    return act


def half_tree(admits_it: bool) -> Callable[[BaseHTTPRequestHandler], bool]:
    """The first half of a tree's entries; `truncated` says so, or does not."""

    def act(handler: BaseHTTPRequestHandler) -> bool:
        headers, body = _ordinary(handler)
        data = json.loads(body)
        data["tree"] = data["tree"][: len(data["tree"]) // 2]
        data["truncated"] = admits_it
        return _send(handler, 200, headers, json.dumps(data).encode())

    return act


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


def flood(status: int = 200) -> Callable[[BaseHTTPRequestHandler], bool]:
    """Sends as much as the reader takes, without end; as a redirect, too."""

    def act(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(status)
        handler.send_header("Location", handler.path)
        handler.end_headers()
        handler.close_connection = True
        while True:
            try:
                handler.wfile.write(b" " * _PART)
            except OSError:
                return True

    return act


def gzip_bomb(handler: BaseHTTPRequestHandler) -> bool:
    """A body of 100 kB that becomes 100 MB at the reader's."""
    return _send(handler, 200, {"Content-Encoding": "gzip"}, _bomb())


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * 100_000_000)


def endless_body(handler: BaseHTTPRequestHandler) -> bool:
    """Sends a byte now and then until the reader leaves."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000000")
    handler.end_headers()
    handler.close_connection = True
    while True:
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            return True
        time.sleep(0.1)  # the fault itself


def endless_headers(handler: BaseHTTPRequestHandler) -> bool:
    """Sends a byte of a header now and then until the reader leaves."""
    handler.send_response(200)
    handler.flush_headers()
    handler.wfile.flush()
    handler.close_connection = True
    while True:
        try:
            handler.wfile.write(b"X")
            handler.wfile.flush()
        except OSError:
            return True
        time.sleep(0.1)  # the fault itself
