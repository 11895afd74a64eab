"""Tests that `Watch` detects faults."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.screens import DESKTOP, Screen
from tests.browser.watch import Watch
from tests.conftest import Hub


@pytest.fixture
def page(open_page: Callable[[Screen], Page]) -> Page:
    """Return a page that no other test uses."""
    return open_page(DESKTOP)


def seen(watch: Watch, page: Page, script: str) -> str:
    """Return and clear the faults that a script in the page causes."""
    page.goto("/no-such-page")
    watch.expect("/no-such-page")
    watch.faults.clear()
    page.evaluate(script)
    page.wait_for_timeout(1)  # so that Playwright delivers the received events
    faults = "\n".join(watch.faults)
    watch.faults.clear()
    return faults


def test_an_inline_script_is_detected(hub: Hub, page: Page, watch: Watch) -> None:
    inline = "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))"
    assert "Content Security Policy" in seen(watch, page, inline)


def test_an_inline_style_is_detected(hub: Hub, page: Page, watch: Watch) -> None:
    inline = "document.body.innerHTML = '<p style=\"color: red\">'"
    assert "Content Security Policy" in seen(watch, page, inline)


def test_a_request_to_another_origin_is_detected(hub: Hub, page: Page, watch: Watch) -> None:
    other = "open('http://example.com/')"
    assert "another origin: http://example.com/" in seen(watch, page, other)


def test_a_missing_file_is_detected(hub: Hub, page: Page, watch: Watch) -> None:
    assert "404: " in seen(watch, page, "fetch('/static/hub/no-such-file.css')")


def test_an_error_in_the_console_is_detected(hub: Hub, page: Page, watch: Watch) -> None:
    assert "console: sorry" in seen(watch, page, "console.error('sorry')")
