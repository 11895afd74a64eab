"""Tests of the page of all changes, and of the date of its feed."""

import re
from xml.etree import ElementTree

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from hub.github.source import configured_source
from hub.models import Change, Exporter
from hub.web.pages.history import _CHANGES_PER_PAGE
from tests.common.catalogue import fill_catalogue


@pytest.fixture
def changed(db: None) -> None:
    """Record a page of gained alerts, and one change of a directory without an exporter."""
    fill_catalogue(1)
    source = configured_source().key
    Change.objects.create(
        source=source, directory="Odd One", kind="directory", what="lost", cause="push"
    )
    Change.objects.bulk_create(
        Change(
            source=source,
            directory="Number_0000",
            exporter=Exporter.objects.get(),
            kind="A",
            what="gained",
            cause="push",
        )
        for _ in range(_CHANGES_PER_PAGE)
    )


def page(path: str) -> str:
    answer = Client().get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_all_changes_page_by_page(
    changed: None, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    page("/changes")
    with django_assert_max_num_queries(6):
        first = page("/changes")
    assert first.count("gained alerting rules") == _CHANGES_PER_PAGE
    assert 'href="/changes.atom"' in first
    assert "Odd One" not in first
    older = re.search(r'href="(\?before=\d+)" rel="next"', first)
    assert older is not None
    second = page(f"/changes{older[1]}")
    assert '<a href="/directories/Odd%20One">' in second
    assert "gained" not in second.split("hub.main")[-1].split("Newest first")[1]


def test_filters(changed: None) -> None:
    assert "Odd One" in page("/changes?what=lost&kind=nothing")
    assert "No changes" in page("/changes?what=broken&before=x")
    assert "gained alerting rules" in page("/changes?kind=A")


def test_the_footer_leads_to_the_page(changed: None) -> None:
    assert '<a href="/changes">changes</a>' in page("/")


def test_the_date_of_an_empty_feed_stays_the_same(db: None) -> None:
    feed = ElementTree.fromstring(Client().get("/changes.atom").content)
    assert feed.findtext("{http://www.w3.org/2005/Atom}updated") == "1970-01-01T00:00:00+00:00"
