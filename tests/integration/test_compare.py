"""Tests of the comparison of exporters."""

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.common.catalogue import fill_catalogue


@pytest.fixture
def some(db: None) -> None:
    fill_catalogue(6)


def page(query: str) -> str:
    answer = Client().get(f"/compare{query}")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_exporters_are_compared_in_the_order_of_the_address(
    some: None, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    page("")
    with django_assert_max_num_queries(6):
        html = page("?exporter=exporter-2&exporter=exporter-0&exporter=exporter-2&exporter=no")
    assert re.findall(r'<th scope="col"><a href="([^"]+)"', html) == [
        "/exporters/exporter-2",
        "/exporters/exporter-0",
    ]
    rules = html[html.index("Alerting rules</th>") :].split("</tr>")[0]
    assert rules.index("broken") < rules.index("usable")
    assert "<bdi>v1.2.0</bdi>, 2 days ago" in html
    assert "<td>14</td><td>0</td>" in html  # stars


@pytest.mark.parametrize("query", ["", "?exporter=exporter-1", "?exporter=%00", "?exporter=no"])
def test_fewer_than_two_exporters_lead_to_the_list(some: None, query: str) -> None:
    assert "Choose two to 4 exporters" in page(query)


def test_more_than_four_exporters_are_left_out(some: None) -> None:
    html = page("?" + "&".join(f"exporter=exporter-{n}" for n in range(6)))
    assert "Only the first 4 exporters are shown." in html
    assert html.count('<th scope="col">') == 4


def test_the_list_has_a_check_box_for_each_exporter(some: None) -> None:
    html = Client().get("/").content.decode()
    assert html.count('form="hub.compare" name="exporter"') == 6
    assert '<form id="hub.compare" action="/compare">' in html
