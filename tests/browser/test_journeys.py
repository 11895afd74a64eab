"""Browser tests of reading the hub in each of its states, and of operating it as an admin."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone
from playwright.sync_api import Page, expect

from hub.content.runs import start_refresh
from hub.demo.fake_github import Fault
from hub.demo.fake_github.faults import server_error
from hub.models import GitHubToken, RefreshRun, RunStatus, RunTrigger, ServedContents
from tests.browser.screens import (
    DARK,
    DESKTOP,
    NO_SCRIPT,
    NO_SCRIPT_PHONE,
    PHONE,
    Screen,
    on_each_screen,
)
from tests.browser.steps import PASSWORD, expect_full, press_refresh, sign_in
from tests.browser.watch import Watch
from tests.common.waiting import wait_until
from tests.conftest import TOKEN, Hub

# --- Reading --------------------------------------------------------------------------------------


@on_each_screen
def test_the_catalogue_is_full(full_hub: Hub, page: Page) -> None:
    expect_full(page)
    expect(page.get_by_text("Contents as of")).to_be_visible()


@on_each_screen
def test_the_status_page_is_public(full_hub: Hub, page: Page) -> None:
    page.goto("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Status").click()
    expect(page.get_by_role("heading", name="Status", exact=True)).to_be_visible()
    expect(page.get_by_text("Last refresh:")).to_be_visible()
    chart = page.get_by_role("img", name="Durations of the last 1 refreshes")
    expect(chart).to_be_visible()
    expect(page.get_by_role("region", name="Table of refreshes")).to_be_visible()
    expect(page.get_by_text("of 5,000 requests left this hour").first).to_be_visible()


def test_the_system_theme_is_applied(full_hub: Hub, open_page: Callable[[Screen], Page]) -> None:
    colours = []
    for screen in (DESKTOP, DARK):
        page = open_page(screen)
        page.goto("/status")
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(245, 247, 248)", "rgb(16, 22, 26)"]


def test_navigation_with_the_keyboard(full_hub: Hub, page: Page) -> None:
    page.goto("/status")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("main :focus")).to_be_visible()
    table = page.get_by_role("region", name="Table of refreshes")
    for _ in range(20):  # links to directories with errors come first
        if table.evaluate("e => e === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(table).to_be_focused()
    assert table.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


@pytest.mark.parametrize("page", [PHONE], ids=str, indirect=True)
def test_touch_targets_are_large_enough(full_hub: Hub, page: Page) -> None:
    """WCAG 2.2, 2.5.8: at least 24 by 24 CSS pixels."""
    page.goto("/status")
    for link in page.get_by_role("navigation", name="Main").get_by_role("link").all():
        box = link.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 24
    page.get_by_role("link", name="Catalogue").tap()
    expect(page).to_have_url("/")


def test_page_not_found(full_hub: Hub, page: Page, watch: Watch) -> None:
    watch.expect("/no-such-page")
    page.goto("/no-such-page")
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="catalogue").click()
    expect(page).to_have_url("/")


@on_each_screen
def test_an_empty_hub_explains_how_to_fill_it(hub: Hub, page: Page) -> None:
    page.goto("/")
    expect(page.get_by_text("No contents yet")).to_be_visible()
    page.goto("/status")
    expect(page.get_by_text("No refresh has run yet")).to_be_visible()
    expect(page.get_by_text("No token is configured")).to_be_visible()


def test_the_feed_is_found_by_a_feed_reader(full_hub: Hub, page: Page) -> None:
    page.goto("/")
    link = page.locator("link[rel=alternate][type='application/atom+xml']").first
    answer = page.request.get(str(link.get_attribute("href")))
    assert answer.ok
    assert answer.headers["content-type"].startswith("application/atom+xml")


def test_the_badge_is_rendered(full_hub: Hub, page: Page) -> None:
    page.goto("/status")
    page.evaluate(
        """() => {
          const badge = new Image()
          badge.src = "/exporters/redis/badge.svg"
          badge.alt = "Badge"
          document.querySelector("h1").after(badge)
          return badge.decode()
        }"""
    )
    box = page.get_by_role("img", name="Badge").bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (204, 20)


# --- When something is wrong ----------------------------------------------------------------------


def test_contents_stay_after_the_token_is_removed(full_hub: Hub, admin: Page) -> None:
    admin.goto("/admin/hub/githubtoken/")
    admin.get_by_role("link", name="token", exact=True).click()
    admin.get_by_role("link", name="Delete").click()
    admin.get_by_role("button", name="Yes, I’m sure").click()
    expect(admin.get_by_text("was deleted successfully")).to_be_visible()
    full_hub.write("Redis/new.yaml", b"{}\n")
    assert press_refresh(admin).status == RunStatus.NO_TOKEN
    assert full_hub.github.requests == []
    expect_full(admin)
    expect(admin.get_by_text("The contents are stale")).to_be_visible()
    expect(admin.get_by_text("No GitHub token: set GITHUB_TOKEN")).to_be_visible()
    admin.get_by_role("link", name="How to connect the repository").click()
    admin.get_by_role("button", name="Check now").click()
    expect(admin.get_by_text("The hub cannot read")).to_be_visible()


@on_each_screen
def test_a_missing_token_is_explained_to_readers(full_hub: Hub, page: Page) -> None:
    GitHubToken.objects.all().delete()
    full_hub.refresh()
    expect_full(page)
    expect(page.get_by_text("No GitHub token: set GITHUB_TOKEN")).to_be_visible()
    expect(page.get_by_role("link", name="How to connect the repository")).to_be_visible()


def test_a_new_token_makes_it_fresh_again(full_hub: Hub, admin: Page) -> None:
    GitHubToken.objects.all().delete()
    full_hub.refresh()
    admin.goto("/admin/hub/githubtoken/add/")
    admin.get_by_label("Name").fill("the new one")
    admin.get_by_label("Token").fill(TOKEN)
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.get_by_text("was added successfully")).to_be_visible()
    fresh = ServedContents.objects.filter(state="fresh")
    wait_until(fresh.first, "the map to be fresh")
    expect_full(admin)
    expect(admin.get_by_text("Contents as of")).to_be_visible()


def test_a_token_that_github_rejects_is_not_saved(full_hub: Hub, admin: Page) -> None:
    admin.goto("/admin/hub/githubtoken/add/")
    admin.get_by_label("Name").fill("bad")
    admin.get_by_label("Token").fill("ghp_of_somebody_else_0123")
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.get_by_text("GitHub rejected this token")).to_be_visible()
    assert GitHubToken.objects.count() == 1


def test_contents_stay_while_github_is_unreachable(full_hub: Hub, admin: Page) -> None:
    full_hub.github.faults.append(Fault(server_error()))
    assert press_refresh(admin).status == RunStatus.FAILED
    expect_full(admin)
    expect(admin.get_by_text("GitHub responded with a server error")).to_be_visible()


@on_each_screen
def test_a_directory_that_was_not_updated_is_listed(full_hub: Hub, page: Page) -> None:
    full_hub.fill("Redis/new_alert.yaml", "NGINX/new_alert.yaml")
    directory = full_hub.github.repository.find("main", "contents/Redis")
    assert directory is not None
    full_hub.github.faults.append(Fault(server_error(), match=directory.sha))
    full_hub.refresh()
    page.goto("/status")
    table = page.get_by_role("region", name="Table of directories that were not updated")
    expect(table.get_by_role("rowheader", name="Redis")).to_be_visible()
    expect(table.get_by_text("GitHub responded with a server error")).to_be_visible()


def test_overdue_refresh_is_shown(full_hub: Hub, page: Page) -> None:
    ServedContents.objects.update(fresh_until=timezone.now() - timedelta(seconds=1))
    expect_full(page)
    expect(page.get_by_text("check beat and worker")).to_be_visible()


# --- Keeping it -----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [DESKTOP, NO_SCRIPT_PHONE], ids=str, indirect=True)
def test_an_admin_refreshes(full_hub: Hub, admin: Page) -> None:
    admin.goto("/?q=ceph")
    link = admin.get_by_role("link", name="Ceph", exact=True)
    ceph = admin.get_by_role("listitem").filter(has=link)
    expect(ceph.get_by_text("Alerting rules: usable")).to_be_attached()
    expect(ceph.get_by_text("Grafana dashboard")).to_have_count(0)
    full_hub.fill("Ceph/dashboard.json")
    assert press_refresh(admin).status == RunStatus.PUBLISHED
    admin.reload()
    expect(admin.get_by_role("row", name="published")).to_have_count(2)
    admin.goto("/?q=ceph")
    expect(ceph.get_by_text("Grafana dashboard: usable")).to_be_attached()


def test_a_wrong_password_is_refused(full_hub: Hub, page: Page) -> None:
    sign_in(page)
    expect(page.get_by_text("Please enter the correct username and password")).to_be_visible()


def test_no_refresh_button_without_the_permission(full_hub: Hub, page: Page) -> None:
    user = User.objects.create_user("viewer", password=PASSWORD, is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_refreshrun"))
    sign_in(page, "viewer")
    page.goto("/admin/hub/refreshrun/")
    expect(page.get_by_text("The map is fresh")).to_be_visible()
    expect(page.get_by_role("button", name="Refresh contents now")).to_have_count(0)


def test_an_admin_publishes_a_held_back_run(full_hub: Hub, admin: Page) -> None:
    repository = full_hub.github.repository
    for entry in repository.entries(str(repository.resolve("main:contents")))[3:]:
        repository.delete(f"contents/{entry.path}")
    assert press_refresh(admin).status == RunStatus.HELD
    expect_full(admin)
    expect(admin.get_by_text("Most directories disappeared")).to_be_visible()
    admin.goto("/admin/hub/refreshrun/")
    admin.get_by_role("row", name="held back").get_by_role("checkbox").check()
    admin.get_by_label("Action:").select_option(
        "Publish a held run despite the removed directories"
    )
    admin.get_by_role("button", name="Go").click()
    expect(admin.get_by_text("Refresh started")).to_be_visible()
    fresh = ServedContents.objects.filter(state="fresh")
    wait_until(fresh.first, "the map to be fresh")
    admin.goto("/status")
    expect(admin.get_by_text("0 not updated")).to_be_visible()


@pytest.mark.parametrize("page", [NO_SCRIPT], ids=str, indirect=True)
def test_progress_of_a_run_without_javascript(full_hub: Hub, page: Page) -> None:
    full_hub.fill("Ceph/dashboard.json")
    full_hub.github.latency = 0.7
    run = start_refresh(RunTrigger.COMMAND).run
    page.goto("/status")
    expect(page.get_by_text(f"Refreshing now: run {run.pk}")).to_be_visible()
    wait_until(RefreshRun.objects.filter(pk=run.pk, status=RunStatus.PUBLISHED).first, "its end")
    page.get_by_role("link", name="Update the progress").click()
    expect(page.get_by_text(f"Last refresh: run {run.pk}, published")).to_be_visible()
