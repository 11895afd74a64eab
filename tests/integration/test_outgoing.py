"""What the hub asks: the API host that the settings name, and nobody else, whatever it reads.

A stranger listens on another port of this machine; nobody may ever knock there.
"""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import Client

from hub.catalogue import logos
from hub.catalogue.add_by_repository import NotAdded, add_by_repository
from hub.catalogue.apply_import import plan_import
from hub.demo.fake_github import FakeGitHub, Fault
from hub.demo.fake_github import faults as f
from hub.demo.fake_github.repository import OtherRepository
from hub.github import errors
from hub.github.budget import RequestBudget
from hub.github.client import GitHubClient
from hub.github.tokens import TokenPool
from hub.models import Category, Exporter, GitHubToken, RunStatus
from hub.models.catalogue import validate_repository
from tests.conftest import TOKEN, Hub

REPO = settings.GITHUB_REPO


class Stranger:
    """A listener that counts who knocks."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]

    @property
    def asked(self) -> bool:
        """Whether somebody has connected; the kernel keeps those who wait."""
        try:
            connection, _ = self._socket.accept()
        except BlockingIOError:
            return False
        connection.close()
        return True

    def close(self) -> None:
        self._socket.close()


@contextmanager
def _listening() -> Iterator[Stranger]:
    stranger = Stranger()
    yield stranger
    asked = stranger.asked
    stranger.close()
    assert not asked, "the stranger was asked"


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    """A stranger that nobody may have asked by the end of the test."""
    with _listening() as stranger:
        yield stranger


def test_the_stranger_notices_who_knocks() -> None:
    with pytest.raises(AssertionError, match="was asked"), _listening() as stranger:
        socket.create_connection(("127.0.0.1", stranger.port)).close()


# --- redirects --------------------------------------------------------------------------------


@pytest.fixture
def client(github: FakeGitHub, db: None) -> GitHubClient:
    github.repository.write("contents/Redis/alert.yaml", b"x")
    GitHubToken.objects.bulk_create([GitHubToken(name="one", secret=TOKEN)])
    budget = RequestBudget({}, settings.REDIS_URL)
    return GitHubClient(github.url, TokenPool(), budget, timeout=(1, 1), retries=0)


# {api} is the configured host with its port, {port} the stranger's
ELSEWHERE = (
    "http://127.0.0.1:{port}/x",
    "//127.0.0.1:{port}/x",
    "///127.0.0.1:{port}/x",
    "\\\\127.0.0.1:{port}\\x",
    "/\\127.0.0.1:{port}/x",
    "https://127.0.0.1:{port}/x",
    "http://localhost:{port}/x",
    "http://2130706433:{port}/x",
    "http://0x7f.1:{port}/x",
    "http://0177.0.0.1:{port}/x",
    "http://127.1:{port}/x",
    "http://0:{port}/x",
    "http://[::ffff:127.0.0.1]:{port}/x",
    "http://[::1]:{port}/x",
    "http://{api}@127.0.0.1:{port}/x",
    "http://{api}\\@127.0.0.1:{port}/x",
    "http://{api}#@127.0.0.1:{port}/x",
    "http://{api}/@127.0.0.1:{port}/x",
    "http://name:secret@127.0.0.1:{port}/x",
    "http://name:secret@{api}/x",
    "https://{api}/x",
    "http://{api}0/x",
    "http://127.0.0.1/x",
    "http://127.0.0.1:99999/x",
    "http://169.254.169.254/latest/meta-data",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "ftp://127.0.0.1:{port}/x",
    "http://[::1",
    "http://",
    "://",
    "",
)


@pytest.mark.parametrize("location", ELSEWHERE)
def test_no_redirect_leads_elsewhere(
    client: GitHubClient, github: FakeGitHub, stranger: Stranger, location: str
) -> None:
    where = location.format(api=github.url.removeprefix("http://"), port=stranger.port)
    for status in (301, 302, 307, 308):
        github.faults = [Fault(f.answer(status, {}, {"Location": where}), times=1, match="/repos/")]
        # what it leads to at the host itself is the host's to answer
        with suppress(errors.GitHubError):
            client.root_tree(REPO, "main")
    github.faults = [Fault(f.answer(307, {}, {"Location": where}), match="/contents/x")]
    with suppress(errors.GitHubError):
        client.write_file(REPO, "main", "x", b"y", "m", "")


def test_a_redirect_with_an_endless_body_ends(client: GitHubClient, github: FakeGitHub) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> bool:
        handler.connection.sendall(
            b"HTTP/1.1 301 Moved\r\nLocation: /x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        handler.close_connection = True
        while True:
            try:
                handler.connection.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
            except OSError:
                return True

    github.faults.append(Fault(endless, match="/git/trees/"))
    # Too large, or too slow where the machine is: whichever comes first.
    with pytest.raises((errors.UnexpectedAnswer, errors.Unreachable)):
        client.root_tree(REPO, "main")


def test_names_that_json_may_hold_and_postgres_may_not(
    client: GitHubClient, github: FakeGitHub
) -> None:
    names = ["a\0b", "a\ud800", "a\udcff", "a", "../x", "x/../y", "/x", "x//y", ".GIT/x", ".git"]
    tree = [{"path": name, "mode": "100644", "type": "blob", "sha": "a" * 40} for name in names]
    github.faults.append(Fault(f.answer(200, {"sha": "b" * 40, "tree": tree})))
    kept = [entry["path"] for entry in client.root_tree(REPO, "main").data["tree"]]
    assert kept == [r"a\x00b", r"a\ud800", r"a\udcff", "a"]


def test_no_proxy_of_the_environment_is_asked(
    client: GitHubClient, stranger: Stranger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{stranger.port}")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login stray password stray\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert client.root_tree(REPO, "main").data["sha"]


@pytest.mark.parametrize(
    "entry",
    [
        {"sha": "../../../user"},
        {"sha": "a" * 39},
        {"sha": "A" * 40},
        {"sha": f"{'a' * 40}\r\nHost: x"},
        {"sha": f"{'a' * 40}?x=1"},
        {"sha": "http://127.0.0.1:1/"},
        {"sha": None},
        {"path": 5},
        {"path": None},
        {"type": []},
        {"size": "9"},
    ],
)
def test_a_tree_can_name_nothing_but_objects(
    client: GitHubClient, github: FakeGitHub, entry: dict[str, object]
) -> None:
    good = {"path": "a", "type": "tree", "sha": "a" * 40, "mode": "040000"}
    tree = {"sha": "b" * 40, "tree": [good | entry], "truncated": False}
    github.faults.append(Fault(f.answer(200, tree)))
    with pytest.raises(errors.UnexpectedAnswer, match="not a git tree"):
        client.root_tree(REPO, "main")


# --- addresses in the catalogue ---------------------------------------------------------------

ADDRESSES = (
    "http://127.0.0.1:{port}/a/b",
    "https://127.0.0.1:{port}/a/b",
    "https://localhost:{port}/a/b",
    "https://2130706433:{port}/a/b",
    "https://0x7f000001:{port}/a/b",
    "https://[::1]:{port}/a/b",
    "https://[::ffff:127.0.0.1]:{port}/a/b",
    "https://169.254.169.254/latest/meta-data",
    "https://github.com@127.0.0.1:{port}/a/b",
    "https://github.com\\@127.0.0.1:{port}/a/b",
    "https://github.com#@127.0.0.1:{port}/a/b",
    "https://name:secret@github.com/a/b",
    "https://github.com:{port}/a/b",
    "https://github.com:443/a/b",
    "https://github.com.evil.example/a/b",
    "https://github.com\u3002evil.example/a/b",
    "https://\uff47ithub.com/a/b",
    "https://github.com/../b",
    "https://github.com/./b",
    "https://github.com/a/..",
    "https://github.com/a/.",
    "https://github.com/a/..git.git",
    "https://github.com/a/b/../../user",
    "https://github.com/a/b%2f..%2f..%2fuser",
    "https://github.com/a%2fb/c",
    "https://github.com//a/b",
    "https://github.com/a//b",
    "https://github.com/a/b?x=1",
    "https://github.com/a/b#x",
    "https://github.com/a/b\r\nHost: 127.0.0.1:{port}",
    "https://github.com/a/b\tc",
    "https://github.com/a/b\\..\\..",
    "https://github.com/\u0430/b",
    "https://github.com/a/\u0662",
    "file:///etc/passwd",
    "file://github.com/a/b",
    "gopher://127.0.0.1:{port}/_GET",
    "ftp://github.com/a/b",
    "javascript:alert(1)",
    "//127.0.0.1:{port}/a/b",
)
_PASSES = {"https://github.com/a/..git.git"}  # a name like any other: `..git`


def _addresses(stranger: Stranger) -> list[str]:
    return [address.format(port=stranger.port) for address in ADDRESSES]


def test_no_address_that_somebody_types_is_asked(db: None, stranger: Stranger) -> None:
    """Registration, the admin's form and the import refuse it before anything is asked."""
    category = Category.objects.create(name="x")
    for address in set(_addresses(stranger)) - _PASSES:
        with pytest.raises(NotAdded, match="is not a GitHub repository"):
            add_by_repository(address, category)
        with pytest.raises(ValidationError):
            validate_repository(address)
        line = address.replace('"', '""')
        plan = plan_import(f'title,repository,category\na,"{line}",x\n'.encode())
        assert plan.problems, address


def test_no_address_that_came_in_past_all_checks_is_asked(hub: Hub, stranger: Stranger) -> None:
    hub.add_token()
    category = Category.objects.create(name="x")
    odd = [address for address in _addresses(stranger) if address not in _PASSES]
    Exporter.objects.bulk_create(
        Exporter(slug=f"e{n}", title=f"e{n}", repository=address, category=category)
        for n, address in enumerate(odd)
    )
    assert hub.refresh_facts().status == RunStatus.FAILED
    assert hub.github.requests == []
    assert not Exporter.objects.filter(facts_at__isnull=False).exists()


# --- texts that name addresses ----------------------------------------------------------------


def test_nothing_that_a_text_names_is_fetched(
    hub: Hub, stranger: Stranger, caplog: pytest.LogCaptureFixture
) -> None:
    """READMEs, releases, charts, rules and dashboards lead people, never the server."""
    caplog.set_level(logging.ERROR)
    away = f"http://127.0.0.1:{stranger.port}"
    hub.add_token()
    category = Category.objects.create(name="x")
    Exporter.objects.create(
        slug="redis", title="Redis", repository="https://github.com/a/redis", category=category
    )
    text = f"[a]({away}/a) ![b]({away}/b.png) <img src='{away}/c'> <{away}/d>\n\n[e]: {away}/e\n"
    release = {"tag": "v1", "body": text, "published_at": "2026-01-01T00:00:00Z"}
    hub.github.add_other(OtherRepository("a/redis", readme=text.encode(), releases=[release]))
    assert hub.refresh_facts().status == RunStatus.PUBLISHED
    chart = f"apiVersion: v2\nname: x\nversion: 1.0.0\nicon: {away}/i.png\ndependencies:\n"
    chart += f"- name: y\n  version: 1.0.0\n  repository: {away}/charts\n"
    hub.write("Redis/chart/Chart.yaml", chart.encode())
    rule = f"groups:\n- name: x\n  rules:\n  - alert: y\n    expr: up\n    x: !include {away}/r\n"
    hub.write("Redis/Redis_alert.yaml", rule.encode())
    hub.write("Redis/README.md", text.encode())
    hub.write(
        "Redis/Redis_dashboard.json",
        f'{{"title": "x", "panels": [{{"type": "text", "links": [{{"url": "{away}"}}],'
        f' "options": {{"content": "<img src={away}>"}}}}], "$ref": "{away}/s"}}'.encode(),
    )
    assert hub.refresh().status == "published"
    for tab in ("", "/iac", "/alerts", "/dashboards", "/releases", "/history", "/badge.svg"):
        assert Client().get(f"/exporters/redis{tab}").status_code == 200
    assert not caplog.records


@pytest.mark.parametrize(
    "svg",
    [
        '<svg xmlns="http://www.w3.org/2000/svg"><image href="{away}/a.png"/><rect/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><use href="{away}/a.svg#x"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><style>@import "{away}/a.css";</style></svg>',
        '<?xml-stylesheet href="{away}/a.css"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        '<!DOCTYPE svg SYSTEM "{away}/a.dtd"><svg xmlns="http://www.w3.org/2000/svg"/>',
        '<!DOCTYPE svg [<!ENTITY x SYSTEM "{away}/a">]>'
        '<svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>',
        '<!DOCTYPE svg [<!ENTITY % x SYSTEM "{away}/a"> %x;]><svg xmlns="http://www.w3.org/2000/svg"/>',
    ],
)
def test_nothing_that_a_logo_names_is_fetched_or_kept(stranger: Stranger, svg: str) -> None:
    away = f"http://127.0.0.1:{stranger.port}"
    try:
        _, kept = logos.check_logo(svg.format(away=away).encode())
    except logos.NotALogo:
        return
    assert away.encode() not in kept
