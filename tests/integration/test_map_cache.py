"""Tests of the caches of the map and of pages in a web process."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Lock
from time import sleep
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache, caches
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hub.content.map import read_map
from hub.content.map.map_cache import MapCache, map_cache
from hub.models import Exporter, ServedContents
from hub.web import page_cache
from tests.common.catalogue import fill_catalogue, publish

CONTENTS = "/api/v1/contents"


@pytest.fixture
def cached(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> MapCache:
    """Return an empty cache of the map whose entries do not expire."""
    fill_catalogue(10)
    settings.MAP_CACHE_SECONDS = 3600
    fresh = MapCache()
    monkeypatch.setattr(read_map, "map_cache", fresh)
    return fresh


@pytest.fixture
def pages(db: None, settings: Any) -> None:
    fill_catalogue(10)
    settings.PAGE_CACHE_SECONDS = 3600
    cache.clear()


def served_by_another_process(**values: object) -> None:
    """Change the map without invalidating this process' cache."""
    ServedContents.objects.update(rendered_at=timezone.now(), **values)


# --- the map --------------------------------------------------------------------------------------


def test_no_query_while_the_cached_map_is_fresh(
    cached: MapCache, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = Client().get(CONTENTS)
    with django_assert_num_queries(0):
        second = Client().get(CONTENTS)
    assert second.content == first.content
    assert second["ETag"] == first["ETag"]


def test_one_query_after_the_cached_map_has_expired(
    cached: MapCache, settings: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    before = Client().get(CONTENTS).content
    settings.MAP_CACHE_SECONDS = 0
    with django_assert_num_queries(1):
        assert Client().get(CONTENTS).content == before


def test_a_map_of_another_process_is_served_after_the_expiry(
    cached: MapCache, settings: Any
) -> None:
    before = Client().get(CONTENTS).content
    served_by_another_process(body_gzip=gzip.compress(b'{"new": true}'), etag='W/"new"')
    assert Client().get(CONTENTS).content == before
    settings.MAP_CACHE_SECONDS = 0
    assert Client().get(CONTENTS).json() == {"new": True}


def test_a_change_by_this_process_is_served_at_once(
    settings: Any, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_catalogue(3)
    settings.MAP_CACHE_SECONDS = 3600
    map_cache.forget()
    before = Client().get(CONTENTS)["ETag"]
    publish()
    assert Client().get(CONTENTS)["ETag"] != before
    map_cache.forget()


@pytest.mark.parametrize("address", ["/api/v1/status", "/status"])
def test_pages_that_show_the_end_of_a_run_serve_its_map(cached: MapCache, address: str) -> None:
    before = Client().get(CONTENTS)["ETag"]
    served_by_another_process(body_gzip=gzip.compress(b"{}"), etag='W/"new"')
    Client().get(address)
    assert Client().get(CONTENTS)["ETag"] != before


def test_a_late_query_result_does_not_replace_a_newer_map(cached: MapCache) -> None:
    older = ServedContents(etag="older", rendered_at=timezone.now())
    newer = ServedContents(etag="newer", rendered_at=timezone.now())

    def slow() -> tuple[ServedContents, str, str]:
        cached.fetch(lambda: (newer, "", ""))
        return older, "", ""

    cached.fetch(slow)
    kept = cached.get()
    assert kept
    assert kept.served is newer


def test_a_late_query_that_read_a_newer_map_is_cached(cached: MapCache) -> None:
    """Two readers query at the same time, and the second one's query is executed first."""
    older = ServedContents(etag="older", rendered_at=timezone.now())
    newer = ServedContents(etag="newer", rendered_at=timezone.now())

    def executed_late() -> tuple[ServedContents, str, str]:
        assert cached.fetch(lambda: (older, "", "")).served is older
        return newer, "", ""

    assert cached.fetch(executed_late).served is newer
    kept = cached.get()
    assert kept
    assert kept.served is newer


def test_a_later_query_is_cached_although_the_clock_was_set_back(cached: MapCache) -> None:
    newer = ServedContents(etag="newer", rendered_at=timezone.now())
    older = ServedContents(etag="older", rendered_at=timezone.now() - timedelta(days=1))
    cached.fetch(lambda: (newer, "", ""))
    assert cached.fetch(lambda: (older, "", "")).served is older
    assert cached.last().served is older  # type: ignore[union-attr]


def test_a_query_result_from_before_a_change_is_not_cached(cached: MapCache) -> None:
    def changed_meanwhile() -> tuple[ServedContents, str, str]:
        cached.forget()
        return ServedContents(), "", ""

    cached.fetch(changed_meanwhile)
    assert cached.get() is None


def test_an_overdue_cached_map_is_stale(cached: MapCache) -> None:
    assert Client().get(CONTENTS).json()["state"] == "fresh"
    assert cached.get()
    past = timezone.now()
    ServedContents.objects.update(fresh_until=past)
    cached.get().served.fresh_until = past  # type: ignore[union-attr]
    assert Client().get(CONTENTS).json()["state"] == "stale"


# --- pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/", "/?q=number", "/coverage", "/coverage?sort=-A"])
def test_a_page_is_rendered_once_for_anonymous_readers(
    pages: None, address: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = Client().get(address)
    with django_assert_num_queries(1):  # the version of the contents
        second = Client().get(address)
    for answer in (first, second):
        del answer.headers["X-Request-ID"]
    assert (second.content, second.headers) == (first.content, first.headers)


@pytest.mark.parametrize("address", ["/", "/coverage"])
def test_unknown_parameters_do_not_fill_the_cache(pages: None, address: str) -> None:
    expected = Client().get(address).content
    stored = len(cache._cache)  # type: ignore[attr-defined]
    for number in range(20):
        url = f"{address}?x={number}&page{number}=2&sort=&utm_source={'a' * 9 + str(number)}"
        if address == "/":
            url = url.replace("&sort=&", "&")  # an empty value redirects
        assert Client().get(url).content == expected
    assert len(cache._cache) == stored  # type: ignore[attr-defined]


def test_the_csv_is_cached_once_for_all_pages(pages: None) -> None:
    expected = Client().get("/coverage.csv").content
    stored = len(cache._cache)  # type: ignore[attr-defined]
    for number in range(5):
        assert Client().get(f"/coverage.csv?page={number}").content == expected
    assert len(cache._cache) == stored  # type: ignore[attr-defined]


def test_one_compressed_copy_serves_all_clients(
    pages: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    packed = Client().get("/coverage", headers={"Accept-Encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    with django_assert_num_queries(1):  # the version of the contents
        plain = Client().get("/coverage")
    assert "Content-Encoding" not in plain
    assert gzip.decompress(packed.content) == plain.content
    assert {"Accept-Encoding", "Cookie"} <= set(plain["Vary"].split(", "))


def test_a_page_that_is_read_stays_in_the_full_cache(
    pages: None,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(caches["default"], "_max_entries", 30)
    for number in range(40):
        Client().get(f"/coverage?category=none-{number}")
        if number % 10 == 0:
            Client().get("/")
    with django_assert_max_num_queries(1):
        Client().get("/")
    assert len(cache._cache) <= 30  # type: ignore[attr-defined]


def test_a_page_is_rendered_again_after_a_change(pages: None) -> None:
    Client().get("/")
    Exporter.objects.filter(slug="exporter-1").update(title="Renamed")
    assert "Renamed" not in Client().get("/").content.decode()
    publish()
    assert "Renamed" in Client().get("/").content.decode()


def test_a_page_is_rendered_again_after_its_expiry(pages: None, settings: Any) -> None:
    settings.PAGE_CACHE_SECONDS = 0.1
    Client().get("/")
    Exporter.objects.filter(slug="exporter-1").update(title="Renamed")
    sleep(0.1)
    assert "Renamed" in Client().get("/").content.decode()


def test_concurrent_requests_render_a_page_once(
    cached: MapCache, settings: Any, rf: RequestFactory
) -> None:
    settings.PAGE_CACHE_SECONDS = 3600
    cache.clear()
    read_map.cached_map()  # fill the cache, so that the threads do not query Postgres
    rendered = []

    @page_cache.cached_page(lambda _: "")
    def slow(request: HttpRequest) -> HttpResponse:
        rendered.append(request)
        sleep(0.2)
        return HttpResponse("a page")

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(slow, [rf.get("/") for _ in range(4)]))
    assert [answer.content for answer in answers] == [b"a page"] * 4
    assert len(rendered) == 1


def test_a_request_renders_the_page_after_the_lock_timeout(
    pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = Lock()
    monkeypatch.setattr(page_cache, "_locks", [busy])
    monkeypatch.setattr(page_cache, "_LOCK_TIMEOUT", 0.01)
    with busy:
        assert Client().get("/").status_code == 200
        assert Client().get("/").status_code == 200


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"path": "/"}, {"path": "/?sort=recent"}),
        ({"path": "/"}, {"path": "/", "headers": {"Cookie": "theme=dark"}}),
        ({"path": "/"}, {"path": "/", "headers": {"HX-Request": "true"}}),
        ({"path": "/"}, {"path": "/", "headers": {"Host": "localhost"}}),
        ({"path": "/"}, {"path": "/?page=2"}),
        ({"path": "/"}, {"path": "/?sort=sideways"}),
    ],
)
def test_different_requests_have_different_cache_keys(
    pages: None, one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert Client().get(**one).content != Client().get(**other).content


def test_pages_of_signed_in_users_are_not_cached(pages: None) -> None:
    admin = Client()
    admin.force_login(User.objects.create_superuser("root"))
    before = Client().get("/").content
    Exporter.objects.filter(slug="exporter-1").update(title="Renamed again")
    assert Client().get("/").content == before
    assert b"Renamed again" in admin.get("/").content


def test_a_very_large_page_is_not_cached(
    pages: None, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(page_cache, "_LARGEST", 100)
    first = Client().get("/coverage")
    with django_assert_num_queries(4):  # the version and the data of the page
        assert Client().get("/coverage").content == first.content


def test_only_responses_with_status_200_are_cached(pages: None) -> None:
    assert Client().get("/?page=99").status_code == 404
    fill = Client().get("/?page=1")
    assert fill.status_code == 200
    assert Client().get("/?page=99").status_code == 404
