"""Tests of badges, feeds, llms.txt, robots.txt and the sitemap."""

from xml.etree import ElementTree

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from hub.models import Category, Exporter, ExporterContents
from tests.conftest import Hub

HOSTILE = '"><script>alert(1)</script>\u202e]](javascript:alert(1)) `#* \x1b\x08'
SVG = "{http://www.w3.org/2000/svg}"
ATOM = "{http://www.w3.org/2005/Atom}"
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"

ADDRESSES = [
    "/exporters/redis/badge.svg",
    "/exporters/redis/changes.atom",
    "/changes.atom",
    "/llms.txt",
    "/sitemap.xml",
    "/robots.txt",
]


@pytest.fixture
def filled(hub: Hub) -> Hub:
    """Redis has usable alerts, a broken dashboard and no chart; Evil has a hostile title."""
    category = Category.objects.create(name="Database")
    for slug, title in (("redis", "Redis"), ("evil", HOSTILE)):
        Exporter.objects.create(
            slug=slug,
            title=title,
            description=f"Says {title}",
            repository=f"https://github.com/tests/{slug}",
            category=category,
        )
    hub.add_token()
    hub.fill("Kafka/alert.yaml")
    hub.refresh()  # changes are recorded from the second snapshot on
    hub.fill("Redis/alert.yaml")
    hub.write("Redis/dashboard.json", b'{"title": "Redis", "panels": [], "schemaVersion": 39}')
    hub.write('a "<b>\x07\u202e &/alert.yaml', b"groups: []\n")
    hub.refresh()
    return hub


@pytest.mark.parametrize("path", ADDRESSES)
def test_few_queries_and_no_request(
    filled: Hub, path: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    filled.github.requests.clear()
    with django_assert_max_num_queries(6):
        assert Client().get(path).status_code == 200
    assert filled.github.requests == []


def test_a_badge_shows_each_state_as_text_and_shape(filled: Hub) -> None:
    answer = Client().get("/exporters/redis/badge.svg")
    assert answer["Content-Type"] == "image/svg+xml"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert set(answer["Content-Security-Policy"].split("; ")) == {"default-src 'none'", "sandbox"}
    assert answer["Cache-Control"] == "public, max-age=300"
    picture = ElementTree.fromstring(answer.content)
    titles = [title.text for title in picture.iter(f"{SVG}title")]
    assert titles[1:] == [
        "Exporter: present",
        "Helm: missing",
        "Alerting rules: usable",
        "Grafana dashboard: broken",
    ]
    assert titles[0] == f"Redis on Exporter Hub. {'; '.join(filter(None, titles[1:]))}"
    cells = picture.findall(f"{SVG}g/{SVG}g")
    assert len({cell.find(f"{SVG}rect").get("fill") for cell in cells}) == 3  # type: ignore[union-attr]
    assert len({cell.find(f"{SVG}g/{SVG}path").get("d") for cell in cells}) == 3  # type: ignore[union-attr]
    assert [text.text for text in picture.iter(f"{SVG}text")] == ["exporter hub", *"EIAG"]


def test_the_width_of_a_badge_is_the_sum_of_its_parts(filled: Hub) -> None:
    picture = ElementTree.fromstring(Client().get("/exporters/redis/badge.svg").content)
    cells = picture.findall(f"{SVG}g/{SVG}g")
    places = [
        int(cell.get("transform", "").removeprefix("translate(").split()[0]) for cell in cells
    ]
    widths = [int(cell.find(f"{SVG}rect").get("width")) for cell in cells]  # type: ignore[union-attr,arg-type]
    assert places == [84 + sum(widths[:place]) for place in range(4)]
    assert int(picture.get("width", 0)) == places[-1] + widths[-1]
    assert picture.get("viewBox") == f"0 0 {picture.get('width')} {picture.get('height')}"


def test_a_badge_without_a_snapshot(filled: Hub) -> None:
    ExporterContents.objects.update(alerts=None, iac=None, dashboard=None)
    assert "Alerting rules: unknown" in Client().get("/exporters/redis/badge.svg").content.decode()


@pytest.mark.parametrize("path", ["/exporters/redis/badge.svg", "/llms.txt"])
def test_unchanged_responses_are_304(filled: Hub, path: str) -> None:
    etag = Client().get(path)["ETag"]
    same = Client().get(path, headers={"If-None-Match": etag})
    assert (same.status_code, same.content) == (304, b"")


@pytest.mark.parametrize("path", ["badge.svg", "changes.atom"])
def test_unknown_exporter(db: None, path: str) -> None:
    assert Client().get(f"/exporters/nothing/{path}").status_code == 404


def test_a_feed_of_one_exporter(filled: Hub) -> None:
    feed = ElementTree.fromstring(Client().get("/exporters/redis/changes.atom").content)
    assert feed.findtext(f"{ATOM}title") == "Exporter Hub: changes of Redis"
    titles = [entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry")]
    assert "Redis gained alerting rules" in titles
    assert all("Redis" in str(title) for title in titles)
    links = {link.get("href") for link in feed.iter(f"{ATOM}link")}
    assert "http://testserver/exporters/redis/history" in links
    assert "http://testserver/exporters/redis/changes.atom" in links


def test_the_feed_is_valid_with_hostile_names(filled: Hub) -> None:
    answer = Client().get("/changes.atom")
    feed = ElementTree.fromstring(answer.content)
    titles = [entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry")]
    assert any('a "<b>\N{REPLACEMENT CHARACTER}' in str(title) for title in titles)
    assert "<b>" not in answer.content.decode()


def test_a_hostile_title_is_escaped(filled: Hub) -> None:
    for path in ("badge.svg", "changes.atom"):
        answer = Client().get(f"/exporters/evil/{path}")
        document = ElementTree.fromstring(answer.content)
        assert not [node for node in document.iter() if node.tag.endswith("script")]
        assert "\u202e" not in answer.content.decode()


def test_llms_txt_lists_the_exporters_in_markdown(filled: Hub) -> None:
    answer = Client().get("/llms.txt")
    lines = answer.content.decode().splitlines()
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert lines[0] == "# Exporter Hub"
    assert (
        "- [/api/v1/exporters](http://testserver/api/v1/exporters): the catalogue as JSON" in lines
    )
    redis = next(line for line in lines if line.startswith("- [Redis]"))
    assert redis == (
        "- [Redis](http://testserver/exporters/redis): Says Redis. Database. Exporter: present; "
        "Helm: missing; Alerting rules: usable; "
        "Grafana dashboard: broken."
    )
    evil = next(line for line in lines if "/exporters/evil)" in line)
    assert "\\<script\\>" in evil
    assert "\\]\\](javascript" in evil
    assert not {"\x1b", "\u202e"} & set(evil)
    assert sum("http://testserver/exporters/" in line for line in lines) == 2


def test_the_sitemap_uses_the_host_of_the_request(filled: Hub) -> None:
    sitemap = ElementTree.fromstring(
        Client().get("/sitemap.xml", headers={"Host": "localhost"}).content
    )
    places = [place.text for place in sitemap.iter(f"{SITEMAP}loc")]
    assert places == [
        "http://localhost/",
        "http://localhost/coverage",
        "http://localhost/changes",
        "http://localhost/status",
        "http://localhost/exporters/evil",
        "http://localhost/exporters/redis",
    ]


def test_robots_txt_names_the_sitemap(db: None) -> None:
    text = Client().get("/robots.txt").content.decode()
    assert "Disallow: /admin/" in text
    assert "Sitemap: http://testserver/sitemap.xml" in text


def test_pages_have_open_graph_metadata(filled: Hub) -> None:
    page = Client().get("/status?a=%22%3E%3Cscript%3E").content.decode()
    assert '<meta property="og:title" content="Status of Exporter Hub">' in page
    assert (
        '<meta property="og:url" content="http://testserver/status?a=%22%3E%3Cscript%3E">' in page
    )
    assert 'property="og:image" content="http://testserver/static/hub/share.png"' in page
    assert '<link rel="alternate" type="application/atom+xml"' in page
    assert finders.find("hub/share.png")
