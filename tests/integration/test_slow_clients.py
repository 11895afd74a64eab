"""Slow and silent clients of a real web server: they delay no reader and are closed in the end."""

import http.client
import resource
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from time import sleep

import pytest
import requests

from config.server import MAX_CONNECTIONS_OF_A_CLIENT, MAX_PIPELINED
from hub.ops.local.ports import free_port
from tests.common.catalogue import fill_catalogue
from tests.common.processes import Process, web
from tests.common.waiting import wait_until

SILENT, SLOW_BODIES, UNREAD_RESPONSES = 1_100, 50, 50
CLOSE = b"\r\nConnection: close\r\n\r\n"
FORM = "application/x-www-form-urlencoded"
POST = f"POST /theme HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FORM}\r\n"
SLOW_BODY = f"{POST}Content-Length: 10\r\n\r\nt".encode()
GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
LARGE = "/static/ninja/swagger-ui-bundle.js"  # 1.5 MB, more than the system keeps of a response
GET_LARGE = f"GET {LARGE} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
UNREAD = GET_LARGE * 20


@contextmanager
def serving(process: Process, port: int) -> Iterator[int]:
    process.start()
    try:
        process.wait_for_output("Uvicorn running")
        yield port
    finally:
        process.stop()
        assert "Traceback" not in process.output(), process.output()[-4000:]


@pytest.fixture
def filled(transactional_db: None) -> None:
    fill_catalogue(50)


@pytest.fixture
def many_files() -> Iterator[None]:
    """Allow this process the connections that the tests open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, before[1]), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def connect(port: int, count: int, sent: bytes, stack: ExitStack) -> list[socket.socket]:
    connections = []
    for _ in range(count):
        connection = stack.enter_context(socket.socket())
        connection.settimeout(10)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # read slowly by default
        connection.connect(("127.0.0.1", port))
        connections.append(connection)
        connection.sendall(sent)
    return connections


def closed(connections: list[socket.socket]) -> list[socket.socket]:
    """Return the connections that the server has closed, without waiting."""
    poll = select.poll()
    by_number = {connection.fileno(): connection for connection in connections}
    for number in by_number:
        poll.register(number, select.POLLRDHUP)
    return [by_number[number] for number, _ in poll.poll(0)]


def readable(connections: list[socket.socket]) -> list[bool]:
    """Return for each connection whether the server has sent something."""
    return [bool(select.select([connection], [], [], 0)[0]) for connection in connections]


def assert_others_are_served(port: int) -> None:
    session = requests.Session()
    for _ in range(20):
        for client in (session, requests):  # with a connection that is kept, and with new ones
            assert client.get(f"http://127.0.0.1:{port}/api/v1/contents", timeout=10).ok
        form = {"theme": "dark", "next": "/"}
        url = f"http://127.0.0.1:{port}/theme"
        assert requests.post(url, form, timeout=10, allow_redirects=False).status_code == 303


def test_slow_and_silent_connections_delay_nobody(filled: None, many_files: None) -> None:
    """All of them stay open: they come from a trusted proxy, which has many clients."""
    port = free_port()
    process = web(port, env={"HUB_TRUSTED_PROXIES": "127.0.0.1"})
    with serving(process, port), ExitStack() as stack:
        silent = connect(port, SILENT, b"", stack)
        slow = connect(port, SLOW_BODIES, SLOW_BODY, stack)
        assert_others_are_served(port)
        assert closed(silent + slow) == []


def test_a_client_may_keep_only_some_connections(filled: None, many_files: None) -> None:
    port = free_port()
    with serving(web(port), port), ExitStack() as stack:
        opened = connect(port, SLOW_BODIES, SLOW_BODY, stack)
        opened += connect(port, UNREAD_RESPONSES, UNREAD, stack)
        opened += connect(port, SILENT, b"", stack)
        excess = len(opened) - MAX_CONNECTIONS_OF_A_CLIENT
        wait_until(lambda: len(closed(opened)) >= excess, "the server to close connections")
        assert set(closed(opened)) <= set(opened[: excess + 1])  # those that waited longest
        assert_others_are_served(port)


@contextmanager
def serving_with(*limits: str) -> Iterator[int]:
    """Start a web server with other limits; yield its port."""
    port = free_port()
    with serving(Process("tests.common.web_limits", *limits, f"--port={port}"), port):
        yield port


@pytest.fixture(scope="module")
def strict(django_db_setup: None) -> Iterator[int]:
    """A web server whose deadlines are a second; its port."""
    names = ("HEAD_SECONDS", "BODY_SECONDS", "UNREAD_SECONDS", "CHECK_SECONDS", "IDLE_SECONDS")
    with serving_with(*(f"{name}=1" for name in names)) as port:
        yield port


def said_until_closed(connection: socket.socket, drip: bytes) -> bytes | None:
    """Return what the server sends until it closes, while the client sends `drip` now and then.

    None: the client sent more than the server had read, so the system discarded its response.
    """
    said = b""
    connection.settimeout(0.2)
    try:
        while True:
            with suppress(TimeoutError):
                received = connection.recv(65536)
                if not received:
                    return said
                said += received
            connection.sendall(drip)
    except (BrokenPipeError, ConnectionResetError):
        return said or None


@pytest.mark.parametrize(
    ("sent", "drip", "expected"),
    [
        (b"", b"", b""),
        (b"GET / HTTP/1.1\r\nX-A: ", b"a", b""),
        (GET, b"", b"HTTP/1.1 200 OK"),
        (GET, b"\r\n", b"HTTP/1.1 200 OK"),
        (GET + b"GET / HTTP/1.1\r\nX-A: ", b"a", b"HTTP/1.1 200 OK"),
        (SLOW_BODY, b"", b"HTTP/1.1 408 Request Timeout"),
        (f"{POST}Content-Length: 9999\r\n\r\n".encode(), b"a", b"HTTP/1.1 408 Request Timeout"),
        (f"{POST}Transfer-Encoding: chunked\r\n\r\n".encode(), b"1\r\na\r\n", b"HTTP/1.1 408"),
    ],
    ids=[
        "silent",
        "head",
        "idle",
        "empty lines",
        "second head",
        "silent body",
        "body",
        "chunked body",
    ],
)
def test_each_part_of_a_request_has_a_deadline(
    strict: int, sent: bytes, drip: bytes, expected: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", strict)) as connection:
        connection.sendall(sent)
        said = said_until_closed(connection, drip)
        if said is None:
            assert drip or not expected
        else:
            assert said.startswith(expected)
            assert bool(said) == bool(expected)


def test_a_response_that_is_not_read_has_a_deadline(strict: int) -> None:
    with ExitStack() as stack:
        unread = connect(strict, 3, UNREAD, stack)
        unread += connect(strict, 1, GET_LARGE.replace(b"\r\n\r\n", CLOSE), stack)
        wait_until(lambda: set(closed(unread)) == set(unread), "the server to close all")


def test_a_slow_reader_gets_the_whole_response(strict: int) -> None:
    """It takes longer than the deadline, but reads faster than the minimum."""
    with ExitStack() as stack:
        (connection,) = connect(strict, 1, GET_LARGE, stack)
        response = http.client.HTTPResponse(connection)
        response.begin()
        length = int(response.headers["Content-Length"])
        read = 0
        while part := response.read(50_000):
            read += len(part)
            sleep(0.1)  # the client is slow
        assert read == length


def test_the_connection_without_progress_is_closed_for_a_new_one(filled: None) -> None:
    with serving_with("MAX_CONNECTIONS=10") as port, ExitStack() as stack:
        unread = connect(port, 10, UNREAD, stack)
        wait_until(lambda: all(readable(unread)), "the server to respond to all")
        (reader,) = connect(port, 1, GET, stack)
        assert reader.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert closed([*unread, reader]) == unread[:1]


def test_bodies_and_responses_beyond_the_limit_of_memory_are_closed(filled: None) -> None:
    with serving_with("MAX_HELD=2000000") as port, ExitStack() as stack:
        (small,) = connect(port, 1, SLOW_BODY, stack)
        large = f"{POST}Content-Length: 2000000\r\n\r\n".encode() + b"a" * 1_200_000
        for sent in (large, UNREAD):
            large_ones = connect(port, 2, sent, stack)
            wait_until(lambda opened=large_ones: closed(opened), "the server to close one")
        small.sendall(b"heme=dark")
        assert small.recv(4096).startswith(b"HTTP/1.1 303 ")


def test_a_connection_with_too_many_pipelined_requests_is_closed(filled: None) -> None:
    port = free_port()
    with serving(web(port), port), ExitStack() as stack:
        few, many = connect(port, 1, GET * MAX_PIPELINED, stack) + connect(
            port, 1, GET * (MAX_PIPELINED + 2), stack
        )
        wait_until(lambda: closed([many]), "the server to close the connection")
        responses = b""
        while responses.count(b"HTTP/1.1 200 ") < MAX_PIPELINED:
            responses += few.recv(65536)
        assert closed([few]) == []


def test_a_client_that_closes_before_it_gets_all_responses_is_no_error(filled: None) -> None:
    port = free_port()
    process = web(port)
    with serving(process, port), ExitStack() as stack:
        opened = connect(port, 5, UNREAD, stack)
        wait_until(lambda: all(readable(opened)), "the server to respond to all")
        for connection in opened:
            connection.close()
        (reader,) = connect(port, 1, GET, stack)
        assert reader.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert "[error]" not in process.output()
    assert "[warning]" not in process.output()


def test_a_body_in_progress_does_not_prevent_a_stop(filled: None) -> None:
    port = free_port()
    process = web(port)
    with serving(process, port), ExitStack() as stack:
        connect(port, 1, SLOW_BODY, stack)
        connect(port, 1, b"", stack)
        process.kill(15)
        wait_until(lambda: not process.running, "the end of the server", seconds=15)
