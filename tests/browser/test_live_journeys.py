"""Browser tests of a run's progress: live updates without a reload."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from hub.models import RefreshRun
from tests.browser.screens import DARK_PHONE, DESKTOP, Screen
from tests.conftest import Hub


def test_press_refresh_and_watch_the_page_update(
    full_hub: Hub, admin: Page, open_page: Callable[[Screen], Page]
) -> None:
    full_hub.fill(*(f"{name}/new_alert.yaml" for name in ("Redis", "NGINX", "MongoDB", "Ceph")))
    full_hub.github.latency = 1.5
    admin.goto("/admin/hub/refreshrun/")
    admin.get_by_role("button", name="Refresh contents now").click()
    expect(admin.get_by_text("Refresh started")).to_be_visible()
    run = RefreshRun.objects.latest("pk")

    watchers = [open_page(screen) for screen in (DESKTOP, DARK_PHONE)]
    for page in watchers:
        page.goto("/status")
        page.evaluate("window.same = true")
        expect(page.get_by_text(f"Refreshing now: run {run.pk}")).to_be_visible()
    expect(watchers[0].get_by_text("of 4 looked up")).to_be_visible(timeout=20_000)
    full_hub.github.latency = 0
    for page in watchers:
        expect(page.get_by_text(f"Last refresh: run {run.pk}, published")).to_be_visible()
        newest = page.get_by_role("region", name="Table of refreshes").get_by_role("rowheader")
        expect(newest.first).to_have_text(str(run.pk))
        assert page.evaluate("window.same")


def test_a_page_that_is_open_shows_a_later_run(
    full_hub: Hub, open_page: Callable[[Screen], Page]
) -> None:
    page = open_page(DESKTOP)
    page.clock.install()
    page.goto("/status", wait_until="networkidle")
    page.evaluate("window.same = true")
    run = full_hub.refresh()
    page.clock.fast_forward("00:11")
    expect(page.get_by_text(f"Last refresh: run {run.pk},")).to_be_visible()
    newest = page.get_by_role("region", name="Table of refreshes").get_by_role("rowheader")
    expect(newest.first).to_have_text(str(run.pk))
    assert page.evaluate("window.same")
