"""Checks of every page: accessible, valid HTML, fits a phone, no layout shifts."""

from collections import Counter
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from justhtml import JustHTML
from playwright.sync_api import Page

from tests.browser.pages import ERRORS, PAGES
from tests.browser.pictures import take_picture
from tests.browser.screens import DARK, DESKTOP, NO_SCRIPT_PHONE, PHONE
from tests.browser.watch import Watch
from tests.conftest import Hub

# web.dev, "Cumulative Layout Shift": up to 0.1 is good. The list must not move at all.
GOOD_SHIFT = 0.1
NO_SHIFT = 0.001  # a slow browser may paint text in two steps
THE_LIST = [path for path in PAGES.values() if path == "/" or path.startswith("/?")]

on_every_page = pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())


@pytest.fixture(autouse=True)
def _expected_errors(watch: Watch) -> None:
    for path in ERRORS:
        watch.expect(path)


def expect_accessible(page: Page, name: str) -> None:
    """Check on a desktop and on a phone, which may hide different elements."""
    for screen in (DESKTOP, PHONE):
        page.set_viewport_size({"width": screen.width, "height": screen.height})
        take_picture(page, f"{name}-{screen.width}")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def expect_still(page: Page, path: str) -> None:
    """Assert that the layout did not shift while the page loaded."""
    shift = page.evaluate(
        """() => new Promise(done => {
          let sum = 0
          new PerformanceObserver(list => { for (const e of list.getEntries()) sum += e.value })
            .observe({type: "layout-shift", buffered: true})
          requestAnimationFrame(() => requestAnimationFrame(() => done(sum)))
        })"""
    )
    assert shift < (NO_SHIFT if path in THE_LIST else GOOD_SHIFT)


def expect_no_wider_than_the_window(page: Page) -> None:
    """Assert that the page does not scroll sideways on a phone."""
    width, window = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= window == PHONE.width


@on_every_page
def test_on_a_desktop(full_hub: Hub, page: Page, path: str, request: Any) -> None:
    """Accessible, no layout shift, one style sheet, one script, no request to GitHub."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.resource_type))
    page.goto(path, wait_until="networkidle")
    assert asked.count("stylesheet") == 1
    assert asked.count("script") <= 1
    assert asked.count("font") == 0
    assert full_hub.github.requests == []
    expect_still(page, path)
    expect_accessible(page, f"{request.node.callspec.id}-light")


@on_every_page
@pytest.mark.parametrize("page", [DARK], ids=str, indirect=True)
def test_in_the_dark(full_hub: Hub, page: Page, path: str, request: Any) -> None:
    page.goto(path)
    expect_accessible(page, request.node.callspec.id)


@on_every_page
@pytest.mark.parametrize("page", [PHONE], ids=str, indirect=True)
def test_on_a_phone(full_hub: Hub, page: Page, path: str) -> None:
    page.goto(path, wait_until="networkidle")
    expect_still(page, path)
    expect_no_wider_than_the_window(page)


@on_every_page
@pytest.mark.parametrize("page", [NO_SCRIPT_PHONE], ids=str, indirect=True)
def test_on_a_phone_without_script(full_hub: Hub, page: Page, path: str) -> None:
    page.goto(path)
    expect_no_wider_than_the_window(page)


@on_every_page
def test_the_html_is_valid(full_hub: Hub, path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == ERRORS.get(path, 200)
    document = JustHTML(answer.content.decode(), sanitize=False, strict=True)
    ids = Counter(element.attrs["id"] for element in document.query("[id]"))
    assert [name for name, times in ids.items() if times > 1] == []
