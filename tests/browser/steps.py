"""User actions that several browser tests share."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

from hub.models import RefreshRun
from tests.common.waiting import wait_until

PASSWORD = "a password of the test"

# web.dev, "Cumulative Layout Shift": up to 0.1 is good. The list must not move, but a browser that
# is slow paints while it parses: a row of badges that it parsed in two parts moved by 0.0005.
GOOD_SHIFT = 0.1
NO_SHIFT = 0.01


def sign_in(page: Page, name: str = "root") -> None:
    """Sign in to the admin through its form."""
    page.goto("/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def press_refresh(page: Page) -> RefreshRun:
    """Press the refresh button in the admin, and wait until the run has ended."""
    page.goto("/admin/hub/refreshrun/")
    page.get_by_role("button", name="Refresh contents now").click()
    expect(page.get_by_text("Refresh started")).to_be_visible()
    newest = RefreshRun.objects.latest("pk")
    ended = RefreshRun.objects.filter(pk=newest.pk, finished_at__isnull=False)
    return wait_until(ended.first, "the run to end")


def expect_full(page: Page) -> None:
    """Assert that the catalogue shows the contents of the last good snapshot."""
    page.goto("/")
    expect(page.get_by_role("link", name="Redis", exact=True)).to_be_visible()
    expect(page.get_by_text("Grafana dashboard: usable").first).to_be_attached()


def search(page: Page) -> Locator:
    """Return the search box."""
    return page.get_by_role("searchbox", name="Search exporters")


def card(page: Page, title: str) -> Locator:
    """Return the link to an exporter."""
    return page.get_by_role("link", name=title, exact=True)


def filter_alerts(page: Page, state: str) -> None:
    """Select "Usable" or "Present" alerting rules; on a phone, open the filters first."""
    filters = page.get_by_role("navigation", name="Filters")
    if not filters.is_visible():
        page.locator("summary", has_text="Filters").click()
    alerts = filters.get_by_role("list", name="Alerting rules")
    alerts.get_by_role("link", name=re.compile(f"^{state}")).click()
    expect(page).to_have_url(re.compile({"Usable": "usable=A", "Present": "has=A"}[state]))


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
    assert shift < (NO_SHIFT if urlsplit(path).path == "/" else GOOD_SHIFT)
