"""Checks of the admin's pages: accessible in both themes, fit a phone, look like the hub."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from hub.models import ContentEdit, EditState, RefreshRun
from tests.browser.pictures import take_picture_for_review
from tests.browser.screens import DARK_PHONE, DESKTOP, NO_SCRIPT_PHONE, Screen
from tests.browser.steps import PASSWORD, sign_in
from tests.common.waiting import wait_until
from tests.conftest import Hub

EDITOR = "/admin/hub/contentedit/add/?directory=Squid&path=Squid_alert.yaml"
PAGES = {
    "editor": EDITOR,
    "start": "/admin/",
    "refresh runs": "/admin/hub/refreshrun/",
    "refresh run": "/admin/hub/refreshrun/{run}/change/",
    "token": "/admin/hub/githubtoken/add/",
    "adding by repository": "/admin/hub/exporter/add-by-repository/",
    "periodic task": "/admin/django_celery_beat/periodictask/add/",
}


def check(page: Page, name: str, screen: Screen) -> None:
    """Run axe, take a picture, and assert that the page does not scroll sideways."""
    take_picture_for_review(page, f"admin-{name}-{screen}")
    # Preloading resolves the @import of the style sheet wrongly, and its styles are refused.
    found = Axe().run(page, options={"preload": False, "resultTypes": ["violations"]})
    assert found.violations_count == 0, f"{name}, {screen}: {found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth") <= screen.width, name


@pytest.mark.parametrize("screen", [DESKTOP, DARK_PHONE], ids=str)
def test_the_pages_of_the_admin(
    full_hub: Hub, open_page: Callable[[Screen], Page], screen: Screen
) -> None:
    User.objects.create_superuser("root", password=PASSWORD)
    page = open_page(screen)
    page.goto("/admin/login/")
    check(page, "sign-in", screen)
    sign_in(page)
    for name, path in PAGES.items():
        page.goto(path.format(run=RefreshRun.objects.latest("pk").pk))
        check(page, name, screen)
        for fields in page.locator("fieldset.module").all():
            expect(fields).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "en"
    surface = "rgb(255, 255, 255)" if screen.scheme == "light" else "rgb(24, 32, 38)"
    expect(page.locator("body")).to_have_css("background-color", surface)
    other = "Dark" if screen.scheme == "light" else "Light"
    page.get_by_role("button", name=other).click()
    expect(page.locator("body")).not_to_have_css("background-color", surface)
    page.get_by_role("link", name="Catalogue").click()
    expect(page).to_have_url("/")


@pytest.mark.parametrize("page", [DESKTOP, DARK_PHONE], ids=str, indirect=True)
def test_the_start_page_refreshes_and_checks_the_connection(full_hub: Hub, admin: Page) -> None:
    admin.goto("/admin/")
    admin.get_by_role("button", name="Check now").click()
    expect(admin.get_by_text("The hub can read")).to_be_visible()
    expect(admin).to_have_url("/admin/")
    admin.get_by_role("button", name="Refresh now").click()
    expect(admin.get_by_text("Refresh started")).to_be_visible()
    table = admin.get_by_role("region", name="Table of refreshes")
    expect(table.get_by_text("nothing changed")).to_be_visible()  # without a reload


def test_the_editor_shows_findings_and_keeps_text(full_hub: Hub, admin: Page) -> None:
    admin.goto(EDITOR)
    editor = admin.get_by_role("textbox", name="Text", exact=True)
    expect(editor).to_contain_text("SquidDown")
    expect(admin.locator(".CodeMirror-linenumber", has_text="15")).to_be_visible()
    note = admin.locator(".CodeMirror .found-line")
    expect(note).to_contain_text("unclosed left parenthesis")
    admin.get_by_role("link", name="line 15").click()
    expect(editor).to_be_focused()
    admin.keyboard.type("# a comment ")
    asked: list[str] = []
    admin.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    # The click waits for a navigation that the user prevents.
    admin.get_by_role("link", name="Catalogue").click(no_wait_after=True)
    expect(editor).to_contain_text("# a comment ")
    assert asked == ["beforeunload"]
    admin.keyboard.press("Tab")
    expect(editor).not_to_be_focused()

    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.get_by_text("Your text is not saved yet.")).to_be_visible()
    expect(editor).to_contain_text("# a comment ")
    admin.once("dialog", lambda dialog: dialog.accept())
    admin.goto("/")


@pytest.mark.parametrize("page", [NO_SCRIPT_PHONE], ids=str, indirect=True)
def test_the_editor_works_without_scripts(full_hub: Hub, admin: Page) -> None:
    admin.goto(EDITOR)
    field = admin.get_by_label("Text:", exact=True)
    text = field.input_value()
    assert "SquidDown" in text
    expect(admin.get_by_text("unclosed left parenthesis")).to_be_visible()
    field.fill(text.replace("total[5m] > 1", "total[5m]) > 1"))
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.get_by_text("Your edit is committed and published by")).to_be_visible()
    edits = ContentEdit.objects.filter(state=EditState.COMMITTED)
    wait_until(edits.first, "the edit to be committed")
