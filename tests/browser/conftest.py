"""Fixtures: a real browser and web server, and a hub that real workers have filled."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright

from hub.ops.local.ports import free_port
from tests.browser.pictures import take_picture
from tests.browser.screens import DESKTOP, Screen
from tests.browser.watch import Watch
from tests.common import browser, sample
from tests.common.processes import Process, web
from tests.conftest import Hub

_FLAGS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Requests to other hosts fail: nothing leaves this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    *browser.FLAGS_OF_USER,
]

expect.set_options(timeout=10_000)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Start one browser for all tests of this package."""
    if lack := browser.missing():
        pytest.fail(lack, pytrace=False)
    path = browser.find()
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright runs an event loop in this thread, so Django would refuse to query Postgres.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield playwright.chromium.launch(executable_path=path, args=_FLAGS)


@pytest.fixture(scope="package")
def port() -> int:
    """Return the port of the web server."""
    return free_port()


@pytest.fixture(scope="package")
def server(port: int, django_db_setup: None) -> Iterator[Process]:
    """Start a real web server for the test's hub."""
    process = web(port)
    process.start()
    process.wait_for_output("Uvicorn running")
    yield process
    process.stop()


@pytest.fixture
def full_hub(hub: Hub) -> Hub:
    """Return a hub with the sample contents, the shipped catalogue and a token."""
    sample.fill(hub)
    return hub


@pytest.fixture
def watch(port: int, server: Process) -> Iterator[Watch]:
    """Collect the faults of all pages that the test opens, and fail if there are any."""
    watch = Watch(f"http://127.0.0.1:{port}")
    yield watch
    said = server.output()[-4000:]
    assert not watch.faults, "\n".join([*watch.faults, "The end of the web server's output:", said])


@pytest.fixture
def open_page(
    chromium: Browser, watch: Watch, request: pytest.FixtureRequest
) -> Iterator[Callable[[Screen], Page]]:
    """Return a function that opens a page in a new context; take a picture if the test fails."""
    pages: list[Page] = []

    def opened(screen: Screen) -> Page:
        page = _new_page(chromium, watch.origin, screen)
        watch.over(page.context)
        pages.append(page)
        return page

    yield opened
    for number, page in enumerate(pages):
        _take_picture_of_failure(page, request, f"{number or ''}")
        page.context.close()


def _new_page(chromium: Browser, origin: str, screen: Screen) -> Page:
    context = chromium.new_context(base_url=origin, **screen.options)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    return context.new_page()


def _take_picture_of_failure(page: Page, request: pytest.FixtureRequest, suffix: str) -> None:
    if request.node.stash.get(_FAILED, False):
        take_picture(page, f"{request.node.path.stem}.{request.node.name}{suffix}")


@pytest.fixture(scope="package")
def shared_pages(chromium: Browser) -> Iterator[dict[Screen, Page]]:
    """Hold a page for each screen, which tests use one after another.

    A new context with a page takes half a second of processor time.
    """
    pages: dict[Screen, Page] = {}
    yield pages
    for page in pages.values():
        page.context.close()


@pytest.fixture
def visit(
    chromium: Browser,
    shared_pages: dict[Screen, Page],
    watch: Watch,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[Screen], Page]]:
    """Return a function that returns the shared page for a screen, without cookies.

    A test that changes more than cookies, such as the clock or the window's size, opens a page with
    `open_page` instead.
    """
    visited: list[Screen] = []

    def shared(screen: Screen) -> Page:
        if screen not in shared_pages:
            page = shared_pages[screen] = _new_page(chromium, watch.origin, screen)
            # Each visit loads all files, as the first one does.
            session = page.context.new_cdp_session(page)
            session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        visited.append(screen)
        watch.over(shared_pages[screen].context)
        return shared_pages[screen]

    yield shared
    for screen in visited:
        page = shared_pages[screen]
        if request.node.stash.get(_FAILED, False):
            _take_picture_of_failure(page, request, f"-{screen}")
            shared_pages.pop(screen).context.close()
        else:
            page.goto("about:blank")  # it sends no requests during the next test
            page.context.clear_cookies()
            watch.leave(page.context)


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, Any]:
    """Record for the fixtures whether their test failed."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture
def page(visit: Callable[[Screen], Page], request: pytest.FixtureRequest) -> Page:
    """Return the shared page on a desktop with the light theme, or for the test's parameter."""
    return visit(getattr(request, "param", DESKTOP))


@pytest.fixture
def admin(full_hub: Hub, page: Page, watch: Watch) -> Page:
    """Return a page with a signed-in admin, without the form: it hashes the password twice."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    session = client.cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": session.key, "value": session.value, "url": watch.origin}])
    return page
