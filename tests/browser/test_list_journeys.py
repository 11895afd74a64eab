"""Browser tests of search, filters, sorting, the coverage grid and the theme."""

import csv
import gzip
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Page, Route, expect

from hub.github.source import configured_source
from hub.models import Category, Change, Exporter
from tests.browser.screens import DESKTOP, PHONE, Screen, on_each_screen
from tests.browser.steps import card, expect_still, filter_alerts, search
from tests.conftest import Hub


@on_each_screen
def test_redis_is_found_by_a_misspelled_name(full_hub: Hub, page: Page) -> None:
    page.goto("/")
    search(page).fill("redsi")
    search(page).press("Enter")
    expect(page).to_have_url(re.compile(r"\?q=redsi$"))
    expect(card(page, "Redis")).to_be_visible()
    expect(card(page, "Ceph")).to_have_count(0)


def test_results_are_updated_while_typing(full_hub: Hub, page: Page) -> None:
    page.goto("/")
    page.evaluate("window.same = true")
    page.keyboard.press("/")
    expect(search(page)).to_be_focused()
    page.keyboard.type("rabit")
    expect(card(page, "RabbitMQ")).to_be_visible()
    expect(card(page, "Redis")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"\?q=rabit$"))
    expect(search(page)).to_be_focused()
    assert page.evaluate("window.same")


@on_each_screen
def test_filter_by_alerts(full_hub: Hub, page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("list", name="Legend of the badges")).to_be_in_viewport()
    filter_alerts(page, "Usable")
    expect(card(page, "Redis")).to_be_visible()
    shown = page.get_by_role("main").get_by_role("listitem").filter(has=page.locator("h3"))
    with_alerts = shown.filter(has_text=re.compile(r"Alerting rules: usable"))
    assert shown.count() == with_alerts.count() > 10
    page.reload()
    assert shown.count() == with_alerts.count()
    usable = shown.count()
    page.go_back()
    expect(card(page, "Grok")).to_be_visible()
    filter_alerts(page, "Present")
    expect(shown.filter(has_text=re.compile(r"Alerting rules: broken")).first).to_be_visible()
    assert shown.count() > usable


@on_each_screen
def test_an_address_reproduces_the_results(
    full_hub: Hub, page: Page, open_page: Callable[[Screen], Page]
) -> None:
    page.goto("/?q=exporter")
    filter_alerts(page, "Usable")
    expect(page.get_by_role("heading", level=2).first).to_be_visible()
    heading = page.get_by_role("heading", name=re.compile(r"\d+ exporters?")).inner_text()
    friend = open_page(PHONE)
    friend.goto(page.url)
    expect(friend.get_by_role("heading", name=heading)).to_be_visible()


@on_each_screen
def test_no_results_links_to_the_catalogue(full_hub: Hub, page: Page) -> None:
    page.goto("/?q=xyzzyxyzzy")
    expect(page.get_by_text("No results for “xyzzyxyzzy”")).to_be_visible()
    page.get_by_role("link", name="Show the whole catalogue").click()
    expect(card(page, "Redis")).to_be_visible()


def test_the_keyboard_reaches_the_first_exporter_within_ten_tabs(full_hub: Hub, page: Page) -> None:
    page.goto("/")
    for key in ("Tab", "Tab", "Enter", "Tab"):
        page.keyboard.press(key)
    first = page.get_by_role("main").get_by_role("heading", level=3).get_by_role("link").first
    expect(first).to_be_focused()


@on_each_screen
def test_the_switch_is_remembered_in_the_address(full_hub: Hub, page: Page) -> None:
    page.goto("/")
    expect(card(page, "Grok")).to_be_visible()
    page.get_by_role("link", name=re.compile("^Ready to use")).click()
    expect(page).to_have_url(re.compile(r"\?ready=1$"))
    expect(card(page, "Grok")).to_have_count(0)
    page.reload()
    expect(card(page, "Redis")).to_be_visible()
    expect(card(page, "Grok")).to_have_count(0)


@on_each_screen
def test_selected_exporters_are_compared(full_hub: Hub, page: Page) -> None:
    page.goto("/?ready=1")
    for title in ("Redis", "Kafka"):
        page.get_by_role("checkbox", name=f"Compare {title}", exact=True).check()
    page.get_by_role("button", name="Compare selected").click()
    expect(page).to_have_url(re.compile("/compare\\?exporter="))
    table = page.get_by_role("region", name="Table of the compared exporters")
    for title in ("Redis", "Kafka"):
        expect(table.get_by_role("columnheader", name=title)).to_be_visible()
    for row in (
        r"Helm usable.* usable",
        r"Metrics in the sample \d+ of \d+ used",
        r"Findings \d+ errors?, \d+ warnings?",
        r"Versions v1.1.0, v1.0.0 v1.7.0",
        r"Stars 3,400 2,300",
        r"Last release v1.80.0, 3 days ago",
    ):
        expect(table.get_by_role("row", name=re.compile(f"^{row}"))).to_be_visible()


@on_each_screen
def test_a_metric_and_an_alert_lead_to_their_places(full_hub: Hub, page: Page) -> None:
    page.goto("/?q=redis_up")
    metrics = page.get_by_role("region", name="Metrics")
    metrics.get_by_role("link", name="redis_up").first.click()
    expect(page).to_have_url(re.compile("/exporters/redis/"))
    expect(page.get_by_role("main").get_by_text("redis_up").first).to_be_visible()
    page.goto("/?q=RedisOfToday")
    alerts = page.get_by_role("region", name="Alerts")
    alerts.get_by_role("link", name="RedisOfToday").click()
    expect(page).to_have_url(re.compile("/exporters/redis/alerts.*#"))
    expect(page.locator(":target")).to_be_in_viewport()
    expect(page.locator(":target")).to_contain_text("RedisOfToday")


@on_each_screen
def test_enter_opens_the_only_hit(full_hub: Hub, page: Page) -> None:
    for typed, path in (
        ("RedisOfToday", "/exporters/redis/alerts"),
        ("kube state", "/exporters/kube-state-metrics"),
    ):
        page.goto("/")
        search(page).fill(typed)
        search(page).press("Enter")
        expect(page).to_have_url(re.compile(path))


@on_each_screen
def test_sort_orders(full_hub: Hub, page: Page) -> None:
    page.goto("/")
    orders = page.get_by_role("navigation", name="Sort by")
    for words in ("Recent", "Trending", "Popular"):
        orders.get_by_role("link", name=words).click()
        expect(orders.get_by_role("link", name=words)).to_have_attribute("aria-current", "true")


def test_several_clicks_in_a_row(full_hub: Hub, page: Page) -> None:
    page.goto("/")
    orders = page.get_by_role("navigation", name="Sort by")
    orders.evaluate("nav => nav.querySelectorAll('a').forEach(link => link.click())")
    # the last click wins
    expect(orders.get_by_role("link", name="Name")).to_have_attribute("aria-current", "true")
    expect(search(page)).to_be_visible()
    expect(card(page, "Aerospike")).to_be_visible()


def search_for_redis_without_a_response(page: Page) -> list[Route]:
    """Open the list and type a search. Return the requests that wait for their response."""
    held: list[Route] = []
    page.route(re.compile(r"/\?q=redis$"), lambda route: held.append(route))
    page.goto("/")
    with page.expect_request(re.compile(r"/\?q=redis$")):
        search(page).fill("redis")
    return held


def test_a_filter_selected_before_the_results_keeps_the_typed_text(
    full_hub: Hub, open_page: Callable[[Screen], Page]
) -> None:
    """The response to the search is delayed until the filter's response has been shown."""
    page = open_page(DESKTOP)
    held = search_for_redis_without_a_response(page)
    filter_alerts(page, "Usable")
    expect(page).to_have_url(re.compile("q=redis"))
    expect(card(page, "Redis")).to_be_visible()
    expect(card(page, "Ceph")).to_have_count(0)
    expect(search(page)).to_have_value("redis")
    for route in held:
        route.abort()


def test_results_do_not_close_the_filters_that_the_user_opened(
    full_hub: Hub, open_page: Callable[[Screen], Page]
) -> None:
    """The response to the search is delayed until the filters are open."""
    page = open_page(PHONE)
    held = search_for_redis_without_a_response(page)
    filters = page.get_by_role("navigation", name="Filters")
    page.locator("summary", has_text="Filters").click()
    expect(filters).to_be_visible()
    for route in held:
        route.continue_()
    expect(page.locator("[data-q=redis]")).to_be_visible()
    expect(filters).to_be_visible()
    expect(page.locator("summary", has_text="Filters")).to_be_focused()
    filter_alerts(page, "Usable")
    expect(filters).to_be_hidden()
    expect(card(page, "Redis")).to_be_visible()


@on_each_screen
def test_the_theme_is_saved(full_hub: Hub, page: Page) -> None:
    def background() -> str:
        return str(page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor"))

    page.goto("/")
    with page.expect_response(re.compile("/theme")):
        page.get_by_role("button", name="Dark").click()
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    dark = background()
    page.goto("/status")
    assert background() == dark
    page.get_by_role("button", name="Light").click()
    expect(page.get_by_role("button", name="Light")).to_have_attribute("aria-pressed", "true")
    assert background() != dark


@on_each_screen
def test_changes_by_content_and_page(full_hub: Hub, page: Page) -> None:
    redis = Exporter.objects.get(slug="redis")
    Change.objects.bulk_create(
        Change(
            source=configured_source().key,
            directory="Redis",
            exporter=redis,
            kind="A",
            what=what,
            cause="push",
        )
        for what in ["broken", *["usable", "gained"] * 25]
    )
    page.goto("/changes")
    changes = page.get_by_role("main").get_by_role("listitem")
    page.get_by_label("Content").select_option("Alerting rules")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("kind=A"))
    expect(changes).to_have_count(50)
    expect(changes.filter(has_text="alerting rules")).to_have_count(50)
    page.get_by_role("link", name="Older").click()
    expect(
        changes.filter(has_text="Redis").filter(has_text="alerting rules now broken")
    ).to_be_visible()
    page.get_by_role("link", name="Newest").click()
    expect(changes).to_have_count(50)


@on_each_screen
def test_the_grid_shows_missing_content(full_hub: Hub, page: Page) -> None:
    page.goto("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Coverage").click()
    row = page.get_by_role("row", name=re.compile("^Ceph"))
    expect(row.get_by_text("Alerting rules: usable")).to_be_attached()
    expect(row.get_by_text("Grafana dashboard: missing")).to_be_attached()
    page.get_by_role("columnheader", name="Grafana dashboard").get_by_role("link").click()
    expect(page).to_have_url(re.compile("sort="))
    page.get_by_label("Missing").select_option("Grafana dashboard")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("missing=G"))
    expect(row).to_be_attached()
    expect(page.get_by_role("row", name=re.compile("^Redis"))).to_have_count(0)


def test_the_grid_is_downloaded(full_hub: Hub, page: Page) -> None:
    page.goto("/coverage")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    assert len(rows) > 40
    assert any("Redis" in cells for cells in rows)


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=str)
def test_a_thousand_exporters_load_fast(
    full_hub: Hub, open_page: Callable[[Screen], Page], screen: Screen
) -> None:
    category = Category.objects.create(name="Many")
    Exporter.objects.bulk_create(
        Exporter(
            slug=f"number-{number}",
            title=f"Number {number} of many",
            repository=f"https://github.com/tests/number-{number}",
            category=category,
            description=f"Exporter {number} says something of about this length to fill a card.",
        )
        for number in range(1000)
    )
    assert len(gzip.compress(Client().get("/").content)) < 100_000
    asked: list[str] = []
    page = open_page(screen)
    page.on("request", lambda request: asked.append(request.resource_type))
    page.goto("/", wait_until="networkidle")
    assert (asked.count("stylesheet"), asked.count("script")) == (1, 1)
    expect_still(page, "/")
