"""The web server: uvicorn, which runs the WSGI application in threads.

    python -m config.server --port 8000

One event loop receives all requests, so slow and silent clients occupy no thread. uvicorn has no
deadlines for requests and responses and no limits for each client; `Connection` adds them.
"""

import argparse
import asyncio
import gc
import resource
import sys
from asyncio.trsock import TransportSocket
from collections import OrderedDict, defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from io import BytesIO
from ipaddress import ip_address, ip_network
from socket import SO_LINGER, SO_SNDBUF, SOL_SOCKET
from struct import pack
from typing import Any
from urllib.parse import unquote_to_bytes

import uvicorn
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from config.wsgi import application
from hub.accounts.login_throttle import UNKNOWN, throttle_key
from hub.monitoring.server import serve_web_metrics
from hub.ops.options import PORT, number

THREADS = 8  # of each process; each thread keeps a connection to Postgres
HEAD_SECONDS = 10.0  # until the first byte, and from there until the headers are complete
BODY_SECONDS = 30.0  # from there until the body is complete
UNREAD_SECONDS = 30.0  # for a response, and a second more for each MIN_BYTES_PER_SECOND
MIN_BYTES_PER_SECOND = 4096
CHECK_SECONDS = 5.0  # between checks of what a client has read
IDLE_SECONDS = 75  # longer than most proxies keep idle connections, so that the proxy closes first
STOP_SECONDS = 8  # for the requests that are running; the process is killed after 15
MAX_HEAD = 64 * 1024  # bytes
_MAX_BODY = settings.DATA_UPLOAD_MAX_MEMORY_SIZE  # bytes
MAX_HELD = 4 * _MAX_BODY  # bytes in memory, of all bodies and unread responses
# If there are more connections, the one without progress for the longest time is closed: of the
# same client, or of the client with the most connections.
MAX_CONNECTIONS_OF_A_CLIENT = 100
MAX_CONNECTIONS = 10_000
MAX_PIPELINED = 100  # requests of a connection that wait for the response to another one
# Bytes that the system keeps of a response. It accepts more when a third of them has been read,
# so a larger buffer would hide the progress of slow clients.
_SEND_BUFFER = 64 * 1024
_OTHER_FILES = 64  # file descriptors for everything else
_HEAD_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)

# A page of 10,000 exporters starts a full garbage collection, which takes a quarter of its time
# unless the objects of the modules are exempt.
gc.freeze()

_threads = ThreadPoolExecutor(THREADS, "web")
_proxies = [ip_network(text) for text in settings.TRUSTED_PROXIES]


class Connection(HttpToolsProtocol):
    """A connection that is closed if its client is slow or silent."""

    # The open ones of each client. First is the one without progress for the longest time: since
    # it was opened, a request was complete, or some of a response was read.
    by_client: dict[str, OrderedDict["Connection", None]] = defaultdict(OrderedDict)
    held = 0  # bytes in memory, of all connections

    _client = ""
    _deadline: asyncio.TimerHandle | None = None  # until the headers are complete
    _head = 0  # bytes of the incomplete headers
    _held = 0  # bytes of bodies and of the unread response in memory
    _size = 0  # bytes of the response that the system did not accept at once
    _unread = 0  # bytes of them that it had not accepted at the last check
    _check: asyncio.TimerHandle | None = None  # of what the client has read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._socket().setsockopt(SOL_SOCKET, SO_SNDBUF, _SEND_BUFFER)
        transport.set_write_buffer_limits(0)  # `pause_writing` means that a response is unread
        self._client = _client_of(self.client[0] if self.client else UNKNOWN)
        self._start_deadline(HEAD_SECONDS)
        mine = self.by_client[self._client]
        mine[self] = None
        if self._client and len(mine) > MAX_CONNECTIONS_OF_A_CLIENT:
            next(iter(mine)).close()
        elif len(self.connections) > _max_connections():
            largest = max(self.by_client.values(), key=len)
            next(iter(largest)).close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._end_deadline()
        self._end_check()
        self._forget()
        self._release()

    def data_received(self, data: bytes) -> None:
        if self._head > MAX_HEAD:
            return  # the client sends the rest before it reads the response
        super().data_received(data)
        if self._deadline:
            self._head += len(data)
            if self._head > MAX_HEAD:
                self.transport.write(_HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MAX_PIPELINED:
            self.close()
            raise ValueError("too many requests in the pipeline")  # ends the parser
        super().on_message_begin()
        self._start_deadline(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        self._end_deadline()
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD:
            self.url, self.app = b"/", _reject_head  # uvicorn would not parse a longer address
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        if not self.cycle.response_complete:  # otherwise uvicorn drops the rest of the body
            self._hold(len(body))

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._note_progress()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._size = self._unread = self.transport.get_write_buffer_size()
        self._hold(self._size)
        self._check_progress(self.loop.time() + UNREAD_SECONDS)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._end_check()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._release()
        self._note_progress()
        # Unless another complete request is in the pipeline:
        if self.cycle.response_complete and not self._deadline and not self.transport.is_closing():
            self._start_deadline(IDLE_SECONDS)

    def close(self) -> None:
        """Close the connection without a response."""
        self._forget()
        if self.flow.write_paused:  # reset it, or the system would still offer what it accepted
            self._socket().setsockopt(SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))
        self.transport.abort()

    def _socket(self) -> TransportSocket:
        found: TransportSocket = self.transport.get_extra_info("socket")
        return found

    def _start_deadline(self, seconds: float) -> None:
        self._end_deadline()
        self._head = 0
        self._deadline = self.loop.call_later(seconds, self.close)

    def _end_deadline(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _check_progress(self, deadline: float) -> None:
        """Close the connection if the client has read too little of the response."""
        unread = self.transport.get_write_buffer_size()
        if unread < self._unread:
            self._unread = unread
            self._note_progress()
        if self.loop.time() > deadline + (self._size - unread) / MIN_BYTES_PER_SECOND:
            self.close()
        else:
            self._check = self.loop.call_later(CHECK_SECONDS, self._check_progress, deadline)

    def _end_check(self) -> None:
        if self._check:
            self._check.cancel()
            self._check = None

    def _note_progress(self) -> None:
        if self in self.by_client.get(self._client, ()):
            self.by_client[self._client].move_to_end(self)

    def _forget(self) -> None:
        mine = self.by_client[self._client]
        mine.pop(self, None)
        if not mine:
            del self.by_client[self._client]

    def _hold(self, size: int) -> None:
        """Count bytes in memory; beyond the limit, close a connection of who needs the most."""
        self._held += size
        Connection.held += size
        if Connection.held > MAX_HELD and self.by_client:
            largest = max(self.by_client.values(), key=lambda mine: sum(c._held for c in mine))
            max(largest, key=lambda each: (each._waits_for_client(), each._held)).close()

    def _release(self) -> None:
        Connection.held -= self._held
        self._held = 0

    def _waits_for_client(self) -> bool:
        """Return whether a part of a body has not arrived, or a part of a response is unread."""
        return self.flow.write_paused or (self.cycle is not None and self.cycle.more_body)


@cache
def _max_connections() -> int:
    """Return the limit of connections: each needs a file descriptor."""
    return max(
        1, min(MAX_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _OTHER_FILES)
    )


def _client_of(address: str) -> str:
    """Return a client's key; "" for a trusted proxy, because it stands for many clients."""
    is_proxy = any(ip_address(address) in proxy for proxy in _proxies)
    return "" if is_proxy else throttle_key(address)


async def respond(scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Receive the body, then call the WSGI application in a thread and send its response."""
    if scope["path"] == "/healthz":
        # Not in a thread: all of them may wait for Postgres, and a restart would not help then.
        await _send_text(send, 200, "ok", (b"cache-control", b"no-store"))
        return
    environ = _environ(scope)
    body: bytes | None = b""
    if _has_body(environ):
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _receive_body(environ, receive)
        except TimeoutError:
            await _reject(send, 408, f"The body did not arrive within {BODY_SECONDS:.0f} seconds.")
            return
    if body is not None:
        environ["wsgi.input"] = BytesIO(body)
        loop = asyncio.get_running_loop()
        await _send(send, *await loop.run_in_executor(_threads, _call, environ))


async def _reject_head(
    scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
) -> None:
    await _reject(send, 431, "The request's address and headers are too large.")


async def _reject(send: ASGISendCallable, status: int, detail: str) -> None:
    await _send_text(send, status, detail, (b"connection", b"close"))


async def _send_text(
    send: ASGISendCallable, status: int, text: str, header: tuple[bytes, bytes]
) -> None:
    body = f"{text}\n".encode()
    length = str(len(body)).encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", length), header]
    await _send(send, status, headers, body)


async def _send(
    send: ASGISendCallable, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    await send(
        {"type": "http.response.start", "status": status, "headers": headers, "trailers": False}
    )
    await send({"type": "http.response.body", "body": body, "more_body": True})
    del body  # asyncio has a copy of what the system did not accept
    # uvicorn sends this when the system has accepted the rest of the body, and only then begins to
    # respond to the next request: a client that does not read keeps one response in memory.
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _has_body(environ: dict[str, Any]) -> bool:
    """Return whether to receive a body. Django rejects one that is too large by its length."""
    length = int(environ.get("CONTENT_LENGTH", "0"))
    return 0 < length <= _MAX_BODY or "HTTP_TRANSFER_ENCODING" in environ


async def _receive_body(environ: dict[str, Any], receive: ASGIReceiveCallable) -> bytes | None:
    """Return the body, or its beginning if it is too large; None if the client disconnects."""
    body = bytearray()
    more = True
    while more and len(body) <= _MAX_BODY:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message["body"]
        more = message["more_body"]
    environ["CONTENT_LENGTH"] = str(len(body))  # a chunked body has none
    return bytes(body)


def _environ(scope: HTTPScope) -> dict[str, Any]:
    """Return the WSGI environment of a request, without its body."""
    server, client = scope["server"], scope["client"]
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0] if server else "",
        "SERVER_PORT": str(server[1] if server else ""),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0] if client else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if "_" in name:
            continue  # it could pass for a header that a proxy sets
        key = name.upper().replace("-", "_")
        if name not in ("content-type", "content-length"):
            key = f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def _call(environ: dict[str, Any]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Return the WSGI application's status, headers and body."""
    status, headers = "", []

    def start_response(line: str, fields: list[tuple[str, str]], *_: object) -> None:
        nonlocal status, headers
        status, headers = line, fields

    # Django does not use the result of `start_response`.
    response = application(environ, start_response)  # type: ignore[arg-type]
    try:
        body = b"".join(response)
    finally:
        response.close()
    encoded = [(name.encode("latin-1"), value.strip().encode("latin-1")) for name, value in headers]
    return int(status.split()[0]), encoded, body


def serve() -> None:
    """Parse the command line and serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m config.server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=PORT, default=8000, help="port to listen on")
    parser.add_argument("--workers", type=number(int, 1), default=1, help="number of processes")
    options = parser.parse_args()
    _raise_file_limit()
    with serve_web_metrics(options.workers):
        _run_uvicorn(options.host, options.port, options.workers)


def _run_uvicorn(host: str, port: int, workers: int) -> None:
    uvicorn.run(
        "config.server:respond",
        host=host,
        port=port,
        workers=workers,
        http="config.server:Connection",
        # Not uvloop, which uvicorn prefers if it is installed: writing to a connection that the
        # client has closed raises an exception there.
        loop="asyncio",
        interface="asgi3",
        ws="none",
        lifespan="off",
        proxy_headers=bool(settings.TRUSTED_PROXIES),
        # The client's address is the last one in X-Forwarded-For that is not a trusted proxy.
        forwarded_allow_ips=settings.TRUSTED_PROXIES,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        server_header=False,
        access_log=False,
        log_config=None,  # Django's logging
    )


def _raise_file_limit() -> None:
    """Allow as many open files as `MAX_CONNECTIONS` needs, if the system permits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + _OTHER_FILES
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


if __name__ == "__main__":
    serve()
