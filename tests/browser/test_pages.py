"""Checks of every page: accessible, valid HTML, fits a phone, no layout shifts."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from justhtml import JustHTML
from playwright.sync_api import Page, Request, expect

from tests.browser.pages import ERRORS, PAGES
from tests.browser.pictures import take_picture_for_review
from tests.browser.screens import DARK_PHONE, DESKTOP, NO_SCRIPT_PHONE, PHONE, Screen
from tests.browser.steps import expect_still
from tests.browser.watch import Watch
from tests.conftest import Hub

on_every_page = pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())

# Elements that take no `aria-label` unless they have a role (WAI-ARIA 1.2, "Prohibited names").
NAMELESS = {"b", "bdi", "caption", "code", "div", "em", "i", "p", "pre", "small", "span", "strong"}

# The URL of the picture that is the largest contentful paint; "" if it is text.
LARGEST_PAINT = """() => new Promise(done => {
  new PerformanceObserver(list => done(list.getEntries().at(-1).url))
    .observe({type: "largest-contentful-paint", buffered: true})
})"""

# What requests the files that must arrive before the page is drawn.
BLOCKING = """() => performance.getEntriesByType("resource")
  .filter(file => file.renderBlockingStatus === "blocking").map(file => file.initiatorType)"""


@pytest.fixture(autouse=True)
def _expected_errors(watch: Watch) -> None:
    for path in ERRORS:
        watch.expect(path)


def expect_accessible(page: Page, name: str, screen: Screen) -> None:
    """Run axe, and take a picture."""
    take_picture_for_review(page, f"{name}-{screen}")
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def expect_no_wider_than_the_window(page: Page) -> None:
    """Assert that the page does not scroll sideways on a phone."""
    width, window = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= window == PHONE.width


@on_every_page
def test_a_page(
    full_hub: Hub, visit: Callable[[Screen], Page], path: str, request: pytest.FixtureRequest
) -> None:
    """Test two screens, which together have each size and each theme, and one without scripts."""
    name = request.node.callspec.id

    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.resource_type)

    page = visit(DESKTOP)
    page.on("request", note)
    page.goto(path, wait_until="networkidle")
    page.remove_listener("request", note)
    assert asked.count("stylesheet") == 1
    assert asked.count("script") <= 1
    assert asked.count("font") == 0
    assert full_hub.github.requests == []
    expect_still(page, path)
    expect_accessible(page, name, DESKTOP)

    page = visit(DARK_PHONE)
    page.goto(path, wait_until="networkidle")
    expect_still(page, path)
    expect_no_wider_than_the_window(page)
    expect_accessible(page, name, DARK_PHONE)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    main = page.get_by_role("navigation", name="Main")
    expect(main.get_by_role("link", name="Catalogue")).to_be_visible()

    page = visit(NO_SCRIPT_PHONE)
    page.goto(path)
    expect_no_wider_than_the_window(page)


@on_every_page
def test_the_html_is_valid(full_hub: Hub, path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == ERRORS.get(path, 200)
    document = JustHTML(answer.content.decode(), sanitize=False, strict=True)
    ids = Counter(element.attrs["id"] for element in document.query("[id]"))
    assert [name for name, times in ids.items() if times > 1] == []
    labelled = document.query("[aria-label]")
    assert [each for each in labelled if each.name in NAMELESS and "role" not in each.attrs] == []
    for time in document.query("time"):
        datetime.fromisoformat(time.attrs["datetime"])


def test_the_largest_paint_of_a_page_is_its_text(full_hub: Hub, page: Page) -> None:
    """Nothing but the style sheet delays it: no picture, no font and no script."""
    for path in ("/", "/exporters/redis"):
        page.goto(path)
        assert page.evaluate(LARGEST_PAINT) == "", path
        assert page.evaluate(BLOCKING) == ["link"], path
