"""Tests of the catalogue page: search, filters, sorting, pagination, htmx."""

import gzip
import re
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from hub.catalogue.order import MIN_VIEWS, SORTS
from hub.github.source import configured_source
from hub.models import (
    Category,
    DailyViews,
    Exporter,
    ExporterContents,
    RefreshRun,
    Release,
)
from hub.models.search_index import reindex
from hub.web.pages.catalogue import PER_PAGE
from tests.common.catalogue import fill_catalogue, publish

MANY = 1_000
LARGEST = 100 * 1024  # bytes of the page, compressed
QUERIES = 6
HTMX = {"HX-Request": "true"}


def page(address: str, **headers: str) -> str:
    answer = Client().get(address, headers=headers)
    assert answer.status_code == 200, (answer.status_code, address)
    return answer.content.decode()


def titles(address: str) -> list[str]:
    return re.findall(r'<h3><a href="/exporters/[^"]+">([^<]+)</a></h3>', page(address))


def links(html: str) -> list[str]:
    return [found.replace("&amp;", "&") for found in re.findall(r'href="(/(?:\?[^"]*)?)"', html)]


@pytest.fixture
def hundred(db: None) -> None:
    fill_catalogue(100)


@pytest.fixture
def shipped(db: None) -> None:
    call_command("importcatalogue", stdout=StringIO())
    publish()


# --- figures ---


@pytest.mark.parametrize(
    "address", ["/", "/?q=number+12&has=A&sort=trending", "/?q=nubmer", "/?q=zzzz", "/?sort=recent"]
)
def test_few_queries_and_a_small_page_with_many_exporters(
    db: None,
    address: str,
    django_assert_max_num_queries: object,
) -> None:
    fill_catalogue(MANY)
    with django_assert_max_num_queries(QUERIES):  # type: ignore[operator]
        html = page(address)
    assert len(gzip.compress(html.encode())) < LARGEST
    admin = Client()
    admin.force_login(User.objects.create_superuser("root"))
    with django_assert_max_num_queries(QUERIES):  # type: ignore[operator]
        assert admin.get(address).status_code == 200


def test_the_response_is_compressed(hundred: None) -> None:
    answer = Client().get("/", headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert b"100 exporters" in gzip.decompress(answer.content)


def test_no_inline_script_or_style(hundred: None) -> None:
    html = page("/")
    assert len(re.findall(r"<script", html)) == len(re.findall(r"<script src=", html)) == 1
    assert len(re.findall(r'rel="stylesheet"', html)) == 1
    assert not re.search(
        r"<style|\sstyle=|\son\w+=|hx-on|javascript:|https?://(?!testserver)", html
    )


# --- filters, orders, pages ---


def test_filters_are_combined_and_addresses_are_canonical(hundred: None) -> None:
    assert "9 exporters" in page("/?usable=I&usable=A")
    assert "Number 0000" in titles("/?usable=I&has=A&category=Shelf+0")
    html = page("/?usable=A&official=1")
    assert "Alerting rules: Usable" in html
    for link in links(html):
        answer = Client().get(link)
        assert answer.status_code == 200, link
        assert "page=1" not in link
        assert not re.search(r"=(&|$)", link)


def test_the_count_of_a_filter_is_its_number_of_results(hundred: None) -> None:
    html = page("/?usable=A")
    counted = re.findall(
        r'href="(/\?[^"]+)"(?! aria-current)[^>]*>(?:<span class="facet__box" .*?</span>)?'
        r'<span class="facet__label">[^<]*</span> <span class="facet__count">(\d+)',
        html,
    )
    assert len(counted) > 8
    for link, count in counted:
        left = page(link.replace("&amp;", "&"))
        assert f"{count} exporter" in left, (link, count)


def test_several_categories_add_results(hundred: None) -> None:
    assert "20 exporters" in page("/?category=Shelf+1&category=Shelf+2")


def test_pages_do_not_overlap(hundred: None) -> None:
    first, second = titles("/"), titles("/?page=2")
    assert (len(first), len(second)) == (60, 40)
    assert not set(first) & set(second)
    assert 'aria-current="page"><span class="sr">Page </span>2' in page("/?page=2")
    for beyond in ("/?page=3", "/?page=0", "/?q=number+0001&page=2"):
        assert Client().get(beyond).status_code == 404, beyond


def test_invalid_parameters_are_explained(hundred: None) -> None:
    html = page("/?has=X&sort=size&page=two")
    assert "“X” is not a value of “has”" in html
    assert "100 exporters" in html


def test_empty_parameters_are_removed_from_the_address(hundred: None) -> None:
    answer = Client().get("/?q=&category=&has=A&sort=")
    assert (answer.status_code, answer["Location"]) == (302, "/?has=A")
    assert Client().get("/?q=")["Location"] == "/"


def test_an_unknown_category_has_no_results(hundred: None) -> None:
    html = page("/?category=Nowhere&has=A")
    assert "0 exporters" in html
    assert "Without “Category: Nowhere”" in html


def changed(slug: str, at: datetime, source: str = "") -> None:
    """Store a directory of the exporter that changed at this time."""
    ExporterContents.objects.create(
        source=source or configured_source().key,
        directory=slug,
        exporter=Exporter.objects.get(slug=slug),
        changed_at=at,
    )


def test_sort_orders(shipped: None) -> None:
    now = timezone.now()
    old = now - timedelta(days=1000)
    Exporter.objects.update(added_at=old, views=0, stars=None)
    Exporter.objects.filter(slug="redis").update(views=MIN_VIEWS)
    Exporter.objects.filter(slug="aerospike").update(views=MIN_VIEWS - 1)
    Exporter.objects.filter(slug="nginx").update(stars=9)
    changed("caddy", now)
    has_content = ExporterContents.objects.create(
        source=configured_source().key,
        directory="zfs",
        exporter=Exporter.objects.get(slug="zfs"),
        alerts=True,
        alerts_usable=True,
    )
    Exporter.objects.filter(slug="kafka").update(last_release_at=now - timedelta(days=2))
    trending = Exporter.objects.get(slug="vault")
    DailyViews.objects.create(exporter=trending, day=now.date(), views=MIN_VIEWS)
    few = Exporter.objects.get(slug="squid")
    DailyViews.objects.create(exporter=few, day=now.date(), views=MIN_VIEWS - 1)
    past = Exporter.objects.get(slug="squid")
    DailyViews.objects.create(exporter=past, day=now.date() - timedelta(days=8), views=99)
    assert titles("/")[:4] == ["ZFS", "NGINX", "Redis", "Aerospike"]
    assert titles("/?sort=recent")[:3] == ["Caddy", "Kafka", "ZFS"]
    assert titles("/?sort=trending")[:3] == ["Vault", "ZFS", "NGINX"]
    has_content.delete()
    assert titles("/")[:2] == ["NGINX", "Redis"]
    assert titles("/?sort=name")[10:12] == ["cAdvisor", "Celery"]


def test_the_rule_of_each_order_is_a_tooltip(hundred: None) -> None:
    html = page("/?q=number")
    for order in SORTS.values():
        assert f'title="{order.rule}"' in html


def test_a_view_does_not_move_an_exporter(shipped: None) -> None:
    before = titles("/")
    last = Exporter.objects.get(title=before[-1])
    Client().get(f"/exporters/{last.slug}", headers={"User-Agent": "Mozilla/5.0 Firefox"})
    assert Exporter.objects.get(pk=last.pk).views == 1
    assert titles("/") == before
    assert titles("/?sort=trending") == before


def test_the_switch_shows_what_is_ready_to_use(hundred: None) -> None:
    html = page("/")
    ready = re.search(r'href="([^"]+)"[^>]*>Ready to use \((\d+)\)', html)
    assert ready is not None
    assert ready.groups() == ("/?ready=1", "50")
    assert 'aria-current="true" rel="nofollow">All (100)' in html
    assert "50 exporters" in page("/?ready=1")


def test_the_totals_count_what_exists(hundred: None) -> None:
    rows = ExporterContents.objects.filter(directory__in=["Number_0000", "Number_0006"])
    rows.update(counts={"A": 6, "I": 1})
    publish()
    html = " ".join(page("/").split())
    assert "<b>2</b> charts, <b>12</b> alerts, <b>0</b> dashboards for <b>100</b> exporters" in html
    assert "Alerts 6" in html
    # The filters count exporters, which may have values or manifests without a chart.
    assert "Numbers of exporters" in html
    assert 'title="Helm chart, values or manifests."' in html


def test_badges_link_to_their_tabs_and_absent_content_has_none(hundred: None) -> None:
    badges = re.findall(r'class="badge badge--(\w+)" href="([^"]+)"', page("/"))
    assert ("ok", "/exporters/exporter-0/iac") in badges
    some = re.findall(r'class="badge badge--(\w+)" href="([^"]+)"', page("/?category=Shelf+2"))
    assert ("broken", "/exporters/exporter-2/alerts") in some
    assert not any(url.endswith("/dashboards") for _, url in badges)
    without = page("/?category=Shelf+1")
    assert "No content yet" in without
    assert "/exporters/exporter-1/" not in without


def test_filter_by_recent_updates(shipped: None) -> None:
    now = timezone.now()
    changed("caddy", now - timedelta(days=89))
    changed("nginx", now, source="another source")
    Exporter.objects.filter(slug="kafka").update(last_release_at=now - timedelta(days=91))
    assert titles("/?updated=1") == ["Caddy"]


# --- search ---


def test_a_search_is_sorted_by_relevance_by_default(shipped: None) -> None:
    assert titles("/?q=cloudwatch") == ["CloudWatch", "YACE"]
    Exporter.objects.filter(slug="yace").update(stars=3)
    assert titles("/?q=cloudwatch&sort=popular") == ["YACE", "CloudWatch"]


def test_a_misspelled_name_is_found_as_a_fuzzy_match(shipped: None) -> None:
    html = page("/?q=redsi")
    assert titles("/?q=redsi") == ["Redis"]
    assert "No exact match for “redsi”" in html
    assert "No exact match" not in page("/?q=redis")


def test_suggestions_without_results(shipped: None) -> None:
    assert "Caddy" in page("/?q=cadyyyyyyyy")
    assert "No results for" in page("/?q=%F0%9F%92%A5")
    narrowed = page("/?q=redis&official=1")
    assert "Without “Maintained by: Prometheus team”" in narrowed


@pytest.mark.parametrize(
    "hostile", ["%00", "'%20OR%201=1--", "%22%3E%3Cscript%3E", "a" * 10_000, "((%26|!:*", "%ff%fe"]
)
def test_no_query_breaks_the_page(shipped: None, hostile: str) -> None:
    for name in ("q", "category", "has", "sort", "page"):
        answer = Client().get(f"/?{name}={hostile}", follow=True)
        assert answer.status_code == 200
        assert b"<script>" not in answer.content


@pytest.mark.parametrize(
    ("typed", "slug"), [("redis", "redis"), ("kube state", "kube-state-metrics"), ("NODE", "node")]
)
def test_enter_opens_the_only_hit(shipped: None, typed: str, slug: str) -> None:
    query = f"/?q={typed}&open=1"
    assert Client().get(query)["Location"] == f"/exporters/{slug}"
    assert Client().get(query, headers=HTMX)["HX-Redirect"] == f"/exporters/{slug}"


def test_enter_lists_several_hits_and_guesses(shipped: None) -> None:
    for typed in ("cloud", "redsi", "xyzzyxyzzy"):
        assert Client().get(f"/?q={typed}&open=1")["Location"] == f"/?q={typed}"
        assert "HX-Redirect" not in Client().get(f"/?q={typed}&open=1", headers=HTMX)
    assert Client().get("/?q=&open=1")["Location"] == "/"


def test_the_only_hit_on_a_page_is_not_the_only_hit(db: None) -> None:
    fill_catalogue(PER_PAGE + 1)
    publish()
    assert len(titles("/?q=exporter&page=2")) == 1
    opened = Client().get("/?q=exporter&page=2&open=1")
    assert opened["Location"] == "/?q=exporter&page=2"


def test_a_search_that_names_a_kind_offers_its_filter(shipped: None) -> None:
    assert 'href="/?q=redis&amp;usable=G"' in page("/?q=redis dashboard")
    assert 'href="/?usable=I"' in page("/?q=helm")


# --- cards ---


def test_text_of_a_card(shipped: None) -> None:
    now = timezone.now()
    redis = Exporter.objects.get(slug="redis")
    Exporter.objects.filter(pk=redis.pk).update(stars=3149, archived=True, logo_type="image/png")
    for tag, days, pre in (("v1.9.0", 95, False), ("v2.0.0-rc1", 3, True)):
        Release.objects.create(
            exporter=redis,
            tag=tag,
            url="https://github.com/tests/releases",
            prerelease=pre,
            published_at=now - timedelta(days=days),
        )
    html = page("/?q=redis")
    for words in ("3,149 stars", ">3.1k<", "archived", "v1.9.0", "3 months ago", "/redis/logo"):
        assert words in html, words
    assert "Maintained by the Prometheus team" not in html
    assert "mono--" in page("/?q=kafka")


def test_exporters_added_after_the_initial_import_are_new(shipped: None) -> None:
    mark = 'class="mark mark--new"'
    assert mark not in page("/")
    Exporter.objects.update(added_at=timezone.now() - timedelta(days=60))
    Exporter.objects.filter(slug="redis").update(added_at=timezone.now() - timedelta(days=29))
    Exporter.objects.filter(slug="kafka").update(added_at=timezone.now() - timedelta(days=31))
    assert page("/").count(mark) + page("/?page=2").count(mark) == 1
    assert mark in page("/?q=redis")


def test_long_and_hostile_text_is_escaped(db: None) -> None:
    exporter = Exporter.objects.create(
        slug="x",
        title="<b>" + "W" * 100,
        repository="https://github.com/tests/x",
        category=Category.objects.create(name="<i>&shelf"),
        description="<script>alert(1)</script>" + "x" * 200,
    )
    reindex(Exporter.objects.filter(pk=exporter.pk))
    html = page("/")
    assert "<b>" not in html
    assert "<i>" not in html
    assert "<script>" not in html
    assert "category=%3Ci%3E%26shelf" in html


def test_an_empty_catalogue_explains_how_to_fill_it(db: None) -> None:
    assert "importcatalogue" in page("/")


# --- htmx ---


def test_htmx_gets_the_results_and_the_new_address(hundred: None) -> None:
    answer = Client().get("/?q=&has=A&sort=popular", headers=HTMX)
    html = answer.content.decode()
    assert html.lstrip().startswith("<title>")
    assert "<html" not in html
    assert 'hx-swap-oob="innerHTML">50 exporters' in html
    assert answer["HX-Push-Url"] == "/?has=A"
    assert "HX-Request" in answer["Vary"]


def test_typing_adds_no_history_entry(hundred: None) -> None:
    def asked(before: str, now: str) -> dict[str, str]:
        url = f"http://testserver{before}"
        return dict(Client().get(now, headers={**HTMX, "HX-Current-URL": url}).items())

    assert "HX-Replace-Url" in asked("/?q=num", "/?q=numb")
    assert "HX-Push-Url" in asked("/", "/?q=n")
    assert "HX-Push-Url" in asked("/?q=num", "/?q=num&has=A")


def test_restoring_the_history_gets_the_whole_page(hundred: None) -> None:
    headers = {**HTMX, "HX-History-Restore-Request": "true"}
    assert "<html" in page("/?has=A", **headers)


def test_the_search_form_includes_the_filters(hundred: None) -> None:
    html = page("/?has=A&category=Shelf+1&page=1&sort=name")
    carried = re.findall(r'type="hidden" form="hub.search" name="(\w+)" value="([^"]+)"', html)
    assert carried == [("category", "Shelf 1"), ("has", "A"), ("sort", "name")]


# --- the frame ---


def test_an_open_run_is_shown_on_every_page(hundred: None) -> None:
    RefreshRun.objects.create(
        source=configured_source().key,
        trigger="command",
        status="looking_up",
        deadline=timezone.now() + timedelta(minutes=5),
    )
    for address in ("/", "/coverage"):
        html = page(address)
        assert "refreshing now: looking up" in html
        assert "Contents as of" in html
