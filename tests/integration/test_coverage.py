"""Tests of the coverage grid as a page and as CSV."""

import csv
import gzip
import re
from io import StringIO
from itertools import chain

import pytest
from django.contrib.auth.models import User
from django.test import Client

from hub.catalogue.table import unescape_formula
from hub.models import Category, Exporter
from hub.web.pages.coverage import PER_PAGE
from tests.common.catalogue import fill_catalogue

MANY = 1_000
QUERIES = 6


def page(address: str) -> str:
    answer = Client().get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def names(html: str) -> list[str]:
    body = html.split("<tbody>")[1]
    return re.findall(r'<th scope="row"><a [^>]+>(?:<code><bdi>)?([^<]+)', body)


def table(address: str) -> list[dict[str, str]]:
    answer = Client().get(address)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="coverage.csv"'
    return list(csv.DictReader(StringIO(answer.content.decode(), newline="")))


@pytest.fixture
def twelve(db: None) -> None:
    fill_catalogue(12)


def test_few_queries_with_many_rows(db: None, django_assert_max_num_queries: object) -> None:
    fill_catalogue(MANY)
    admin = Client()
    admin.force_login(User.objects.create_superuser("root"))
    for address in ("/coverage", "/coverage?sort=-A&category=Shelf+3", "/coverage.csv"):
        for client in (Client(), admin):
            with django_assert_max_num_queries(QUERIES):  # type: ignore[operator]
                assert client.get(address).status_code == 200
    html = page("/coverage")
    assert len(names(html)) == PER_PAGE
    assert f"Rows 1 to {PER_PAGE} of 1,001" in html
    assert len(gzip.compress(html.encode())) < 10 * 1024


def test_all_rows_are_on_the_pages(db: None) -> None:
    fill_catalogue(250)
    ascending = [names(page(f"/coverage?sort=-A&page={number}")) for number in (1, 2, 3)]
    assert [len(rows) for rows in ascending] == [PER_PAGE, PER_PAGE, 51]
    assert len(set(chain(*ascending))) == 251
    html = page("/coverage?sort=-A&page=2")
    assert "Rows 101 to 200 of 251" in html
    assert "Alerting rules: 63 usable, 62 broken, 126 missing" in html  # of all pages
    assert 'href="/coverage?sort=-A"' in html  # the first page
    assert 'href="/coverage?sort=-A&amp;page=3"' in html
    assert 'href="/coverage?sort=A"' in html  # sorting starts on the first page
    assert 'href="/coverage.csv?sort=-A"' in html
    assert len(table("/coverage.csv?sort=-A&page=2")) == 251
    assert Client().get("/coverage?page=4").status_code == 404
    assert names(page("/coverage?page=x")) == names(page("/coverage"))


def test_every_exporter_and_every_directory_without_one(twelve: None) -> None:
    html = page("/coverage")
    assert len(names(html)) == 13
    assert "Odd One" in names(html)
    assert "Exporter in the catalogue: missing" in html
    # as text, not only as a colour
    assert "Alerting rules: broken" in html
    assert "Alerting rules: 3 usable, 3 broken, 7 missing" in html


def test_each_column_sorts_in_both_directions(twelve: None) -> None:
    html = page("/coverage?sort=A")
    assert 'aria-sort="ascending"' in html
    assert names(html)[:3] == ["Number 0001", "Number 0003", "Number 0005"]
    assert 'href="/coverage?sort=-A"' in html
    assert names(page("/coverage?sort=-A"))[:3] == ["Number 0000", "Number 0004", "Number 0008"]
    assert names(page("/coverage?sort=E"))[0] == "Odd One"
    assert names(page("/coverage?sort=category"))[:2] == ["Odd One", "Number 0000"]
    assert names(page("/coverage?sort=-name"))[0] == "Odd One"


def test_an_invalid_sort_order_is_explained(twelve: None) -> None:
    html = page("/coverage?sort=size%00")
    assert "cannot be sorted by “size”" in html
    assert len(names(html)) == 13


def test_one_category(twelve: None) -> None:
    assert names(page("/coverage?category=Shelf+1")) == ["Number 0001", "Number 0011"]
    assert "No exporters in “Nowhere”" in page("/coverage?category=Nowhere")


def test_what_is_missing(twelve: None) -> None:
    without = {row["exporter"] or row["directories"] for row in table("/coverage.csv?missing=A")}
    all_rows = table("/coverage.csv")
    assert without == {
        row["exporter"] or row["directories"] for row in all_rows if row["A"] == "missing"
    }
    assert 0 < len(without) < len(all_rows)
    html = page("/coverage?missing=G&category=Shelf+2")
    assert names(html) == ["Number 0002"]
    assert '<option value="G" selected>Grafana dashboard</option>' in html
    assert 'href="/coverage.csv?missing=G&amp;sort=A"' in page("/coverage?missing=G&sort=A")
    assert "No kind of content is called “X”" in page("/coverage?missing=X")


def test_the_csv_has_the_rows_of_the_page(twelve: None) -> None:
    rows = table("/coverage.csv?category=Shelf+2&sort=name")
    assert rows == [
        {
            "exporter": "Number 0002",
            "slug": "exporter-2",
            "category": "Shelf 2",
            "repository": "https://github.com/tests/number_2_exporter",
            "directories": "Number_0002",
            "metrics_fitting": "",
            "metrics_checked": "",
            "E": "usable",
            "I": "missing",
            "A": "broken",
            "G": "missing",
        }
    ]
    every = table("/coverage.csv")
    assert len(every) == 13
    unmatched = next(row for row in every if not row["slug"])
    assert (unmatched["exporter"], unmatched["directories"], unmatched["E"]) == (
        "",
        "Odd One",
        "missing",
    )


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", " =", "＝"])
def test_no_csv_cell_is_a_formula(twelve: None, start: str) -> None:
    Exporter.objects.create(
        slug="evil",
        title=f'{start}HYPERLINK("https://evil.example")',
        repository="https://github.com/tests/evil",
        category=Category.objects.create(name=f"{start}1é"),
    )
    Exporter.objects.create(
        slug="evil-2",
        title=f"Evil;{start}1",
        repository="https://github.com/tests/evil-2",
        category=Category.objects.get(name=f"{start}1é"),
    )
    rows = {row["slug"]: row for row in table("/coverage.csv")}
    assert rows["evil"]["exporter"].startswith("'")
    assert rows["evil"]["category"].startswith("'")
    assert unescape_formula(rows["evil"]["category"]) == f"{start}1é"
    assert rows["evil-2"]["exporter"].startswith("Evil;'")


def test_nothing_is_missing_without_a_snapshot(db: None) -> None:
    category = Category.objects.create(name="Database")
    Exporter.objects.create(
        slug="x", title="X", repository="https://github.com/tests/x", category=category
    )
    html = page("/coverage")
    assert "Alerting rules: unknown" in html
    assert "Alerting rules: missing" not in html


def test_empty_grid(db: None) -> None:
    assert "Nothing to show yet" in page("/coverage")
