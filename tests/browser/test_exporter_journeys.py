"""Browser tests of an exporter's page: tabs, versions, copying and downloading."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import FloatRect, Locator, Page, expect

from hub.content.kinds import KINDS
from tests.browser.pictures import take_picture_for_review
from tests.browser.screens import (
    DARK_PHONE,
    DESKTOP,
    NO_SCRIPT,
    NO_SCRIPT_PHONE,
    PHONE,
    Screen,
    on_each_screen,
)
from tests.browser.steps import card, expect_still, filter_alerts, search
from tests.browser.watch import Watch
from tests.common.sample import SAMPLE
from tests.conftest import Hub


def tab(page: Page, name: str) -> None:
    """Open a tab of the exporter."""
    tabs = page.get_by_role("navigation", name=re.compile("^(Redis|Exporter)$"))
    tabs.get_by_role("link", name=name).click()
    expect(tabs.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")


# The vertical positions of an element's lines of text.
LINES = """element => {
  const range = document.createRange()
  range.selectNodeContents(element)
  return [...range.getClientRects()].map(line => Math.round(line.bottom))
}"""

# Words of letters, outside code, that are on more than one line.
BROKEN_WORDS = """() => {
  const found = [], range = document.createRange()
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const text = texts.currentNode
    if (text.parentElement.closest("code, pre, .sr, script, svg")) continue
    for (const word of text.data.matchAll(/[\\p{L}\\d]+/gu)) {
      range.setStart(text, word.index)
      range.setEnd(text, word.index + word[0].length)
      const lines = new Set([...range.getClientRects()].map(line => Math.round(line.bottom)))
      if (lines.size > 1) found.push(word[0])
    }
  }
  return found
}"""

# Common widths of a laptop's and of a phone's window.
LAPTOPS = [replace(each, width=1366, height=768) for each in (DESKTOP, NO_SCRIPT)]
PHONES = [replace(each, width=390) for each in (DARK_PHONE, NO_SCRIPT_PHONE)]

TABS = ("", "/alerts", "/dashboards", "/metrics")


def box_of(element: Locator) -> FloatRect:
    """Return the position and size of a visible element."""
    box = element.bounding_box()
    assert box is not None
    return box


def copied(page: Page) -> str:
    """Return the text of the clipboard."""
    return str(page.evaluate("navigator.clipboard.readText()"))


@pytest.mark.parametrize("page", [DESKTOP, PHONE], ids=str, indirect=True)
def test_from_the_list_to_the_copied_command_in_two_clicks(full_hub: Hub, page: Page) -> None:
    page.goto("/")
    card(page, "Redis").click()
    page.get_by_role("button", name="Copy the commands: All of it, on Kubernetes").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    address = f"{page.url}/pack.yaml"
    assert copied(page) == f"kubectl apply -f {address}"
    manifest = page.request.get(address).text()
    assert "kind: PrometheusRule" in manifest
    tab(page, "Install")
    page.get_by_label("Namespace").fill("monitoring")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("button", name="Copy the commands: Kubernetes").click()
    assert f"{address}?namespace=monitoring" in copied(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="pack.zip").first.click()
    assert download.value.suggested_filename == "redis-pack.zip"


def test_from_the_list_to_the_copied_alert_file_with_few_keystrokes(
    full_hub: Hub, page: Page
) -> None:
    page.goto("/")
    strokes = ["/", *"redis", "Enter"]
    for key in strokes:
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile("/exporters/redis$"))
    copy = page.get_by_role("button", name="Copy file Redis_alert.yaml")
    for key in ("Tab", "Tab", "Enter"):  # the link past the head
        page.keyboard.press(key)
        strokes.append(key)
    while len(strokes) < 19 and not copy.evaluate("e => e === document.activeElement"):
        page.keyboard.press("Tab")
        strokes.append("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    assert "alert: Redis" in copied(page)
    assert len(strokes) + 1 <= 20


@pytest.mark.parametrize("page", [DESKTOP, PHONE], ids=str, indirect=True)
def test_from_a_misspelled_name_to_the_rule_and_the_dashboard(
    full_hub: Hub, page: Page, open_page: Callable[[Screen], Page]
) -> None:
    page.goto("/")
    search(page).fill("redsi")
    search(page).press("Enter")
    filter_alerts(page, "Usable")
    card(page, "Redis").click()
    expect(page).to_have_url(re.compile("/exporters/redis$"))

    tab(page, "Alerting rules")
    page.get_by_text(re.compile("^Rule RedisOfToday")).click()
    page.get_by_role("button", name="Copy rule RedisOfToday").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    assert copied(page).startswith("- alert: RedisOfToday\n")
    assert "expr: redis_up == 0" in copied(page)

    page.get_by_label("Version").select_option("v1.0.0")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(r"version=v1\.0\.0"))
    expect(page.get_by_role("rowheader", name="RedisOfLongAgo")).to_be_visible()
    expect(page.get_by_role("rowheader", name="RedisOfToday")).to_have_count(0)

    friend = open_page(PHONE)
    friend.goto(page.url)
    expect(friend.get_by_role("rowheader", name="RedisOfLongAgo")).to_be_visible()

    tab(page, "Dashboard")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download Redis_dashboard.json").click()
    assert download.value.suggested_filename == "Redis_dashboard.json"
    sample = SAMPLE / "contents" / "Redis" / "Redis_dashboard.json"
    assert Path(download.value.path()).read_bytes() == sample.read_bytes()


@pytest.mark.parametrize("page", [*LAPTOPS, *PHONES], ids=str, indirect=True)
def test_the_page_leads_with_the_installation(
    full_hub: Hub, page: Page, request: pytest.FixtureRequest
) -> None:
    screen = request.node.callspec.params["page"]
    page.goto("/exporters/redis")
    panel = page.get_by_role("region", name="Install")
    install, readme = box_of(panel), box_of(page.locator(".lead__texts"))
    if screen.touch:
        assert install["y"] + install["height"] <= readme["y"]
    else:
        assert install["x"] >= readme["x"] + readme["width"]
        assert install["y"] == readme["y"]
    assert install["y"] < screen.height  # on the first screen
    items = panel.get_by_role("listitem").filter(has=page.locator(".verdict"))
    assert items.count() == len(KINDS)
    for item in items.all():
        expect(item.get_by_text("usable", exact=True)).to_be_visible()
        expect(item.get_by_role("link", name="Download")).to_be_visible()
        copy = item.get_by_role("button", name="Copy file")
        expect(copy).to_be_visible(visible=screen.script)
    # On a slow line, the browser paints the panel before it has the README: it stays in its place.
    page.locator(".lead__texts").evaluate("readme => readme.remove()")
    assert box_of(panel) == install


@pytest.mark.parametrize("page", PHONES, ids=str, indirect=True)
def test_the_page_of_an_exporter_on_a_phone(full_hub: Hub, page: Page, settings: Any) -> None:
    # The current tab is scrolled into view, and the faded edge does not cover the last one.
    page.goto("/exporters/redis/history")
    tabs = page.get_by_role("navigation", name="Redis").get_by_role("list")
    assert "linear-gradient" in tabs.evaluate("element => getComputedStyle(element).maskImage")
    current = box_of(tabs.get_by_role("link", name="History"))
    assert 0 <= current["x"] <= 390 - 40 - current["width"]
    # The facts are collapsed.
    repository = page.get_by_role("link", name="https://github.com/oliver006/redis_exporter")
    expect(repository).to_be_hidden()
    page.locator("summary", has_text="Repository and folders").click()
    expect(repository).to_be_visible()

    # The notice of the demo is one line and leads to the first steps. The web server of the tests
    # is not a demo.
    settings.HUB_DEMO = True
    demo = Client().get("/exporters/redis")
    page.route("**/exporters/redis", lambda route: route.fulfill(body=demo.content))
    page.goto("/exporters/redis")
    notice = page.locator(".notice", has_text="Demo:").get_by_role("paragraph")
    assert len(set(notice.evaluate(LINES))) == 1
    page.locator(".notice").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Connect a repository")).to_be_visible()
    page.unroute("**/exporters/redis")


@pytest.mark.parametrize("page", [LAPTOPS[0], PHONES[0]], ids=str, indirect=True)
def test_no_word_is_broken(full_hub: Hub, page: Page) -> None:
    others = ("/", "/coverage", "/status", "/changes", "/compare?exporter=redis&exporter=ceph")
    for path in (*others, *(f"/exporters/redis{tab}" for tab in TABS)):
        page.goto(path)
        assert page.evaluate(BROKEN_WORDS) == [], path
    caption = page.locator("caption")  # of the metrics
    assert len(set(caption.evaluate(LINES))) == 1


@on_each_screen
def test_every_tab_has_an_address(full_hub: Hub, page: Page) -> None:
    page.goto("/exporters/redis")
    for name, address in (
        ("Helm", "iac"),
        ("Alerting rules", "alerts"),
        ("Dashboard", "dashboards"),
        ("Releases", "releases"),
        ("History", "history"),
    ):
        tab(page, name)
        expect(page).to_have_url(re.compile(f"/exporters/redis/{address}$"))
        expect(page.get_by_role("heading", level=2).first).to_be_visible()
        expect(page).to_have_title(re.compile("^Redis"))


@on_each_screen
def test_the_rules_are_a_table(full_hub: Hub, page: Page) -> None:
    page.goto("/exporters/redis/alerts")
    row = page.get_by_role("row", name=re.compile("^RedisOfToday"))
    for words in ("warning", "redis_up == 0", "it is down"):
        expect(row.get_by_text(words).first).to_be_visible()


@on_each_screen
def test_the_dashboard_is_drawn(full_hub: Hub, page: Page) -> None:
    for tab_path in ("", "/dashboards"):
        page.goto(f"/exporters/kafka{tab_path}")
        drawing = page.get_by_role("img", name=re.compile("^Layout of the dashboard"))
        expect(drawing.first).to_be_visible()


def test_the_readme_links_to_the_repository(full_hub: Hub, page: Page) -> None:
    page.goto("/exporters/redis")
    link = page.get_by_role("link", name="the options")
    expect(link).to_have_attribute(
        "href", "https://github.com/oliver006/redis_exporter/blob/master/docs/options.md"
    )


def test_a_version_is_selected_with_the_keyboard(full_hub: Hub, page: Page) -> None:
    page.goto("/exporters/redis/alerts")
    page.get_by_label("Version").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"version=v1\.0\.0"))
    expect(page.get_by_role("rowheader", name="RedisOfLongAgo")).to_be_visible()


def test_the_history_lists_changes(full_hub: Hub, page: Page) -> None:
    full_hub.fill("Ceph/dashboard.json")
    full_hub.refresh()
    page.goto("/exporters/ceph/history")
    expect(page.get_by_text("gained Grafana dashboard").first).to_be_visible()


def test_empty_tab_explains_what_to_do(full_hub: Hub, page: Page) -> None:
    page.goto("/exporters/ceph/dashboards")
    expect(
        page.get_by_role("main").get_by_text(re.compile("No Grafana dashboards"))
    ).to_be_visible()


def test_unknown_exporter(full_hub: Hub, page: Page, watch: Watch) -> None:
    watch.expect("/exporters/rediss")
    page.goto("/exporters/rediss")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("main").get_by_role("link", name="Redis").first).to_be_visible()


def test_the_page_links_its_feed(full_hub: Hub, page: Page) -> None:
    page.goto("/exporters/redis")
    feeds = page.locator("link[rel=alternate][type='application/atom+xml']")
    addresses = [link.get_attribute("href") for link in feeds.all()]
    assert "/exporters/redis/changes.atom" in addresses


def test_alerts_and_dashboards_print_readable(
    full_hub: Hub, open_page: Callable[[Screen], Page]
) -> None:
    page = open_page(DESKTOP)
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 720, "height": 1000})  # A4 without its margins
    for path in ("alerts", "dashboards"):
        page.goto(f"/exporters/redis/{path}")
        expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
        expect(page.get_by_role("heading", level=2).first).to_be_visible()
        # The addresses in commands are whole, and the repository's is open.
        expect(page.get_by_text("https://github.com/oliver006/redis_exporter")).to_be_visible()
        for code in page.locator(".snippet pre, .code").all():
            assert code.evaluate("element => element.scrollWidth <= element.clientWidth")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
        take_picture_for_review(page, f"print-{path}")
    page.goto("/exporters/redis/alerts")
    for name in page.locator(".rules tbody th a").all():
        assert name.evaluate("element => element.getClientRects().length") == 1  # on one line


def test_pictures_are_shown_and_nothing_moves_when_they_load(full_hub: Hub, page: Page) -> None:
    for path, name in (
        ("/exporters/redis/dashboards", "Redis-dashboard.png"),
        ("/exporters/celery", "The dashboard with four numbers and four graphs"),
    ):
        page.goto(path)
        picture = page.get_by_role("img", name=name)
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("naturalWidth", 720)
        expect_still(page, path)
        take_picture_for_review(page, f"pictures {name}")
