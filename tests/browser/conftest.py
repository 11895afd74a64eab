"""Fixtures: a real browser and web server, and a hub that real workers have filled."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect, sync_playwright

from hub.ops.local.ports import free_port
from tests.browser.pictures import take_picture
from tests.browser.screens import DESKTOP, Screen
from tests.browser.steps import PASSWORD, sign_in
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
        context = chromium.new_context(base_url=watch.origin, **screen.options)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        watch.over(context)
        pages.append(context.new_page())
        return pages[-1]

    yield opened
    name = f"{request.node.path.stem}.{request.node.name}"
    for number, page in enumerate(pages):
        if request.node.stash.get(_FAILED, False):
            take_picture(page, f"{name}{number or ''}")
        page.context.close()


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, Any]:
    """Record for the fixtures whether their test failed."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture
def page(open_page: Callable[[Screen], Page], request: pytest.FixtureRequest) -> Page:
    """Return a page on a desktop with the light theme, or on the screen in the test's parameter."""
    return open_page(getattr(request, "param", DESKTOP))


@pytest.fixture
def admin(full_hub: Hub, page: Page) -> Page:
    """Return a page with a signed-in admin."""
    User.objects.create_superuser("root", password=PASSWORD)
    sign_in(page)
    expect(page.get_by_text("Welcome, root")).to_be_visible()
    return page
