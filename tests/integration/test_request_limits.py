"""Tests of malformed and oversized requests to the web server."""

import http.client
import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.contrib.auth.models import User

from hub.ops.local.ports import free_port
from hub.web.webhooks.views import sign
from tests.common.catalogue import fill_catalogue
from tests.common.processes import Process, web

SECRET = "the webhook's secret"
MB = 1024 * 1024
CPU_SECONDS = 2.0  # that a request takes at most; other load does not change them
PASSWORD = "a password of the test"


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module", autouse=True)
def server(django_db_setup: None, port: int) -> Iterator[Process]:
    """Start a real web server for the test's hub."""
    process = web(port, env={"GITHUB_WEBHOOK_SECRET": SECRET})
    process.start()
    process.wait_for_output("Uvicorn running")
    yield process
    said = process.output()
    process.stop()
    assert "Traceback" not in said, said[-4000:]


@pytest.fixture
def filled(transactional_db: None) -> None:
    fill_catalogue(200)


class Answer:
    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.body = body.decode(errors="replace")


def ask(
    port: int,
    target: str | bytes,
    method: str = "GET",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> Answer:
    """Send a raw request, without a client that would normalise the target."""
    raw = target if isinstance(target, bytes) else target.encode()
    lines = {"Host": f"127.0.0.1:{port}", "Connection": "close", **(headers or {})}
    if body and "Transfer-Encoding" not in lines:
        lines.setdefault("Content-Length", str(len(body)))
    head = b"".join(f"{name}: {value}\r\n".encode() for name, value in lines.items())
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        # The server may answer and close early; the response can still be read.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(
                b"%s %s HTTP/1.1\r\n" % (method.encode(), raw) + head + b"\r\n" + body
            )
        response = http.client.HTTPResponse(connection)
        response.begin()
        return Answer(response.status, response.read())


# target → the allowed statuses
TARGETS: dict[str | bytes, tuple[int, ...]] = {
    # paths
    b"/exporters/\xff\xfe": (400, 404),
    "/%ff%fe": (404,),
    "/%00": (404,),
    "/exporters/%ff": (404,),
    "/exporters/a%00": (404,),
    "/exporters/a%00/badge.svg": (404,),
    "/exporters/" + "a" * 5000: (404,),
    "/exporters/../admin/": (404,),
    "/api/v1/contents/%00": (422,),
    "/api/v1/contents/%ff": (404,),
    "/api/v1/contents/%C0%AE%C0%AE": (404,),
    "/api/v1/contents/" + "a" * 5000: (422,),
    "/api/v1/exporters/%00": (422,),
    "/api/v1/nothing": (404,),
    "/api/v1/runs/" + "9" * 5000: (404,),
    "/static/../../config/settings.py": (404,),
    "/static/%2e%2e/%2e%2e/config/settings.py": (404,),
    "/static/..%5c..%5cconfig%5csettings.py": (404,),
    "/static//etc/passwd": (404,),
    "/static/%00": (404,),
    "//evil.example/": (404,),
    "*": (400, 404),
    "/" + "%61" * 3000: (404,),
    "/" + "a" * 100_000: (414, 431),
    "/admin/%ff/": (302,),
    # queries
    "/?q=%ff%00&category=%ff": (200,),
    "/?q=%00": (200,),
    "/?" + "a" * 30_000: (302,),
    "/?" + "a" * 1_000_000: (414, 431),
    "/?" + "a=1&" * 10_000: (400,),
    "/api/v1/changes?" + "a=1&" * 10_000: (400,),
    "/coverage?" + "a=1&" * 10_000: (400,),
    "/?" + "&".join(f"category=Shelf+{n}" for n in range(990)): (200,),
    "/?" + "&".join(f"has={n}" for n in range(990)): (200,),
    "/?q=" + "exporter+" * 3000: (200,),
    "/?q=" + "%25_%5c" * 3000: (200,),
    "/api/v1/runs?" + "&".join(f"limit={n}" for n in range(990)): (422,),
    "/api/v1/changes?exporter=%00": (422,),
    "/api/v1/changes?before=" + "9" * 5000: (422,),
    "/?page=0": (200, 404),
    "/?page=-1": (200,),
    "/?page=999999": (404,),
    "/?page=" + "1" + "0" * 5000: (200,),
    "/?page=1e9": (200,),
    "/exporters/exporter-1/releases?page=1" + "0" * 5000: (200,),
    "/exporters/exporter-1/releases?page=1" + "0" * 16: (200,),
    "/exporters/exporter-1/history?before=1" + "0" * 5000: (200,),
    "/exporters/exporter-1?version=%00": (404,),
    "/exporters/exporter-1/iac?file=%00": (404,),
    "/sitemap.xml?p=" + "9" * 5000: (404,),
}


@pytest.fixture(scope="module")
def admin_headers() -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"root:{PASSWORD}".encode()).decode()}


def test_odd_addresses(server: Process, port: int, filled: None) -> None:
    for target, statuses in TARGETS.items():
        before = server.cpu_seconds()
        answer = ask(port, target)
        assert answer.status in statuses, (target[:80], answer.status)
        assert server.cpu_seconds() - before < CPU_SECONDS, target[:80]
        assert "SECRET_KEY" not in answer.body
        assert "Traceback" not in answer.body
        if answer.status in (400, 413, 422) and not isinstance(target, bytes):
            _assert_reason(target, answer)


def _assert_reason(target: str, answer: Answer) -> None:
    """Assert that the response gives a reason, as JSON or as a page."""
    if target.startswith(("/api/", "/webhooks/")) or answer.body.startswith("{"):
        assert len(json.loads(answer.body)["detail"]) > 9
    elif target != "*":
        assert "Bad request" in answer.body


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
CHUNKED = FORM | {"Transfer-Encoding": "chunked"}
DEEP = b"[" * 200_000
DEEP_OBJECT = b'{"a":' * 100_000
FILE = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}
SIGNED = JSON | {"X-GitHub-Event": "push", "X-Hub-Signature-256": sign(SECRET, DEEP)}
LONE = b'{"directory": "a\\ud800", "path": "b"}'
LONE_TEXT = b'{"directory": "a", "path": "b", "text": "\\ud800"}'
NUL = b'{"directory": "a", "path": "b.md", "text": "x", "message": "\\u0000"}'
DIGITS = b'{"directory": "a", "path": "b.md", "text": ' + b"1" * 5000 + b"}"

# name → address, headers, body, status; "A": as an admin
BODIES: dict[str, tuple[str, dict[str, str], bytes, int]] = {
    "a form of 30 MB": ("/theme", FORM, b"theme=" + b"a" * 30 * MB, 413),
    "a form in chunks": ("/theme", CHUNKED, b"6\r\ntheme=\r\n4\r\ndark\r\n0\r\n\r\n", 303),
    "26 MB in chunks": (
        "/theme",
        CHUNKED,
        b"100000\r\n%b\r\n" % (b"a" * MB) * 26 + b"0\r\n\r\n",
        413,
    ),
    "10,000 fields": ("/theme", FORM, b"a=1&" * 10_000, 400),
    "an encoding that is none": (
        "/theme",
        {"Content-Type": f"{FORM['Content-Type']}; charset=x"},
        b"theme=dark",
        303,
    ),
    "a field of 26 MB": (
        "/theme",
        MULTIPART,
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * 26 * MB,
        413,
    ),
    "a file of 26 MB": ("/admin/login/", MULTIPART, FILE + b"a" * 26 * MB, 413),
    "1,000 files": ("/theme", MULTIPART, (FILE + b"a\r\n") * 1000 + b"--x--", 400),
    "a boundary that is none": (
        "/theme",
        {"Content-Type": "multipart/form-data; boundary=" + "x" * 500},
        b"--x",
        400,
    ),
    "an edit of nobody": ("/api/v1/edits", JSON, b"a" * 3 * MB, 401),
    "A an edit of 26 MB": ("/api/v1/edits", JSON, b"a" * 26 * MB, 413),
    "A deep JSON": ("/api/v1/edits", JSON, DEEP, 400),
    "A deep objects": ("/api/v1/edits", JSON, DEEP_OBJECT, 400),
    "A half of JSON": ("/api/v1/edits", JSON, b'{"directory": ', 400),
    "A no UTF-8": ("/api/v1/edits", JSON, b"\xff\xfe", 400),
    "A half a character": ("/api/v1/edits", JSON, LONE, 422),
    "A half a character in the text": ("/api/v1/edits", JSON, LONE_TEXT, 422),
    "A a NUL": ("/api/v1/edits", JSON, NUL, 422),
    "A a number of 5,000 digits": ("/api/v1/edits", JSON, DIGITS, 400),
    "a delivery of deep JSON": ("/webhooks/github", SIGNED, DEEP, 400),
    "a delivery of 26 MB": ("/webhooks/github", JSON, b"a" * 26 * MB, 413),
    "a delivery of a petabyte": (
        "/webhooks/github",
        JSON | {"Content-Length": str(10**15)},
        b"a",
        413,
    ),
    "a foreign host": ("/theme", FORM | {"Host": "evil.example"}, b"theme=dark", 400),
}


def test_odd_bodies(
    server: Process, port: int, filled: None, admin_headers: dict[str, str]
) -> None:
    User.objects.create_superuser("root", password=PASSWORD)
    for what, (target, headers, body, status) in BODIES.items():
        as_admin = admin_headers if what.startswith("A ") else {}
        before = server.cpu_seconds()
        answer = ask(port, target, "POST", body, headers | as_admin)
        assert answer.status == status, (what, answer.status, answer.body[-600:])
        assert server.cpu_seconds() - before < CPU_SECONDS, what
        if status != 303:
            _assert_reason(target, answer)


@pytest.mark.parametrize(
    "headers",
    [
        {f"X-{n}": "a" for n in range(500)},
        {"X-A": "a" * 500_000},
        {"Cookie": 'sessionid=%00; csrftoken=\u00ff; theme="; a'},
        {"Cookie": "a=b; " * 5000},
        {"Range": "bytes=" + ",".join(f"{n}-" for n in range(1000))},
        {"If-None-Match": '"a", ' * 5000},
        {"If-Modified-Since": "9" * 1000},
        {"HX-Request": "true", "HX-Current-URL": "http://["},
        {"Authorization": "Basic " + b64encode(b"\0:\0").decode()},
        {
            "Authorization": "Basic " + b64encode(("\u00e9" * 3000 + ":x").encode()).decode(),
            "User-Agent": "a" * 9000,
            "X-Forwarded-For": "::1, a" * 900,
        },
        {"Authorization": "Basic \u00ff"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_odd_headers(port: int, filled: None, headers: dict[str, str]) -> None:
    for target in ("/", "/static/hub/hub.css", "/api/v1/edits/1", "/api/v1/contents"):
        assert ask(port, target, headers=headers).status in (200, 304, 400, 401, 431), target


def test_the_server_sends_no_body_for_head(port: int, filled: None) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for method in ("HEAD", "GET", "HEAD"):
        connection.request(method, "/api/v1/exporters")
        answer = connection.getresponse()
        length = int(answer.headers["Content-Length"])
        assert (answer.status, len(answer.read())) == (200, length if method == "GET" else 0)
        assert length > 1000
    connection.close()
