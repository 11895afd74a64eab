"""What a process of the web keeps of what it serves, and when it asks Postgres again."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from time import sleep
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
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
    """The process' cache of the map, empty, with a second that does not pass."""
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
    """What this process is not told of."""
    ServedContents.objects.update(rendered_at=timezone.now(), **values)


# --- the map --------------------------------------------------------------------------------------


def test_within_the_second_postgres_is_not_asked(
    cached: MapCache, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = Client().get(CONTENTS)
    with django_assert_num_queries(0):
        second = Client().get(CONTENTS)
    assert second.content == first.content
    assert second["ETag"] == first["ETag"]


def test_after_the_second_postgres_is_asked_once(
    cached: MapCache, settings: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    before = Client().get(CONTENTS).content
    settings.MAP_CACHE_SECONDS = 0
    with django_assert_num_queries(1):
        assert Client().get(CONTENTS).content == before


def test_what_another_process_published_comes_after_the_second(
    cached: MapCache, settings: Any
) -> None:
    before = Client().get(CONTENTS).content
    served_by_another_process(body_gzip=gzip.compress(b'{"new": true}'), etag='W/"new"')
    assert Client().get(CONTENTS).content == before
    settings.MAP_CACHE_SECONDS = 0
    assert Client().get(CONTENTS).json() == {"new": True}


def test_what_this_process_changed_comes_at_once(
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
def test_whoever_has_seen_a_run_end_gets_what_it_published(cached: MapCache, address: str) -> None:
    before = Client().get(CONTENTS)["ETag"]
    served_by_another_process(body_gzip=gzip.compress(b"{}"), etag='W/"new"')
    Client().get(address)
    assert Client().get(CONTENTS)["ETag"] != before


def test_an_answer_that_comes_late_takes_nobody_back(cached: MapCache) -> None:
    older = ServedContents(etag="older", rendered_at=timezone.now())
    newer = ServedContents(etag="newer", rendered_at=timezone.now())

    def slow() -> tuple[ServedContents, str]:
        cached.fetch(lambda: (newer, ""))
        return older, ""

    cached.fetch(slow)
    kept = cached.get()
    assert kept
    assert kept.served is newer


def test_an_answer_from_before_a_change_is_not_kept(cached: MapCache) -> None:
    def changed_meanwhile() -> tuple[ServedContents, str]:
        cached.forget()
        return ServedContents(), ""

    cached.fetch(changed_meanwhile)
    assert cached.get() is None


def test_the_copy_says_itself_that_it_is_overdue(cached: MapCache) -> None:
    assert Client().get(CONTENTS).json()["state"] == "fresh"
    assert cached.get()
    past = timezone.now()
    ServedContents.objects.update(fresh_until=past)
    cached.get().served.fresh_until = past  # type: ignore[union-attr]
    assert Client().get(CONTENTS).json()["state"] == "stale"


# --- pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/", "/?q=number", "/coverage"])
def test_a_page_for_everyone_is_rendered_once(
    pages: None, address: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = Client().get(address)
    with django_assert_num_queries(1):  # whether the contents are the same still
        second = Client().get(address)
    assert (second.content, second.headers) == (first.content, first.headers)


def test_it_is_rendered_anew_when_the_contents_are_others(pages: None) -> None:
    Client().get("/")
    Exporter.objects.filter(slug="exporter-1").update(title="Renamed")
    assert "Renamed" not in Client().get("/").content.decode()
    publish()
    assert "Renamed" in Client().get("/").content.decode()


def test_it_is_rendered_anew_when_its_time_has_passed(pages: None, settings: Any) -> None:
    settings.PAGE_CACHE_SECONDS = 0.1
    Client().get("/")
    Exporter.objects.filter(slug="exporter-1").update(title="Renamed")
    sleep(0.1)
    assert "Renamed" in Client().get("/").content.decode()


def test_readers_wait_for_one_rendering(
    cached: MapCache, settings: Any, rf: RequestFactory
) -> None:
    settings.PAGE_CACHE_SECONDS = 3600
    cache.clear()
    read_map.cached_map()  # the copy, so that the threads do not ask Postgres
    rendered = []

    @page_cache.cached_page
    def slow(request: HttpRequest) -> HttpResponse:
        rendered.append(request)
        sleep(0.2)
        return HttpResponse("a page")

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(slow, [rf.get("/") for _ in range(4)]))
    assert [answer.content for answer in answers] == [b"a page"] * 4
    assert len(rendered) == 1


def test_who_waits_in_vain_renders_it_himself(pages: None, monkeypatch: pytest.MonkeyPatch) -> None:
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
        ({"path": "/"}, {"path": "/", "headers": {"Accept-Encoding": "gzip"}}),
    ],
)
def test_readers_get_what_they_asked_for(
    pages: None, one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert Client().get(**one).content != Client().get(**other).content


def test_nobody_gets_the_page_of_who_is_signed_in(pages: None) -> None:
    admin = Client()
    admin.force_login(User.objects.create_superuser("root"))
    assert "Refreshes in the admin" in admin.get("/").content.decode()
    assert "Refreshes in the admin" not in Client().get("/").content.decode()
    assert "Refreshes in the admin" in admin.get("/").content.decode()


def test_a_very_large_page_is_not_kept(
    pages: None, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(page_cache, "_LARGEST", 1_000)
    first = Client().get("/coverage")
    with django_assert_num_queries(4):  # what the version is, and all that the page shows
        assert Client().get("/coverage").content == first.content


def test_only_good_answers_are_kept(pages: None) -> None:
    assert Client().get("/?page=99").status_code == 404
    fill = Client().get("/?page=1")
    assert fill.status_code == 200
    assert Client().get("/?page=99").status_code == 404
