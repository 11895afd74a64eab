"""The page of a directory without an exporter."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.html import escape

from hub.demo.fake_github import faults
from hub.models import Category, DirectoryOwner, Exporter, ExporterContents, RunStatus
from tests.common import contents
from tests.conftest import Hub

ADDRESS = "/directories/sql-server"


def page(address: str = ADDRESS, client: Client | None = None) -> str:
    answer = (client or Client()).get(address)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


@pytest.fixture
def odd(hub: Hub) -> Hub:
    """A hub with a directory `sql-server`, and SQL in the catalogue."""
    hub.add_token()
    hub.write("sql-server/mssql_alerts.yml", contents.alert("MssqlDown", "mssql_up == 0"))
    hub.write(
        "sql-server/mssql_dashboard.json", b'{"title": "SQL", "panels": [], "schemaVersion": 39}'
    )
    hub.write("sql-server/logo.png", b"\x89PNG")
    Exporter.objects.create(
        slug="sql",
        title="SQL",
        project_name="SQL Exporter",
        repository="https://github.com/burningalchemist/sql_exporter",
        category=Category.objects.create(name="Database"),
    )
    assert hub.refresh().status == RunStatus.PUBLISHED
    return hub


def test_it_shows_what_the_directory_contains(odd: Hub) -> None:
    html = page()
    assert "<h1><bdi>sql-server</bdi></h1>" in html
    assert "Alerting rules: usable" in html
    assert "Grafana dashboard: broken" in html
    assert "Helm:" not in html
    for name in ("mssql_alerts.yml", "mssql_dashboard.json", "logo.png"):
        assert f"<h3><bdi>{name}</bdi></h3>" in html
    assert "<bdi>mssql_dashboard.json</bdi>, line 1" in html  # the finding


def test_its_links_lead_to_the_files(odd: Hub) -> None:
    links = re.findall(r'href="(/api/v1/files/[^"]+)"', page())
    assert len(links) == 4  # two of each file that is stored
    for link in links:
        assert Client().get(link.replace("&amp;", "&")).status_code == 200


def test_many_files_are_on_several_pages(odd: Hub) -> None:
    for number in range(60):
        odd.write(f"sql-server/more/{number:02}.txt", b"%d" % number)
    odd.refresh()
    pages = [page(f"{ADDRESS}?page={number}") for number in (1, 2)]
    assert [html.count('<section class="piece"') for html in pages] == [50, 13]
    assert 'href="?page=2"' in pages[0]
    assert Client().get(f"{ADDRESS}?page=3").status_code == 404


def test_lists_of_directories_link_to_it(odd: Hub) -> None:
    odd.write("Odd/alert.yaml", contents.alert("Odd", "up == 0"))
    odd.break_files(faults.server_error())
    assert odd.refresh().status == RunStatus.PUBLISHED
    assert f'href="{ADDRESS}"' in page("/coverage")
    assert 'href="/directories/Odd"' in page("/status")
    assert '/directories/Odd"' in page("/changes.atom")
    assert "could not read this directory yet" in page("/directories/Odd")
    admin = Client()
    admin.force_login(User.objects.create_superuser("root"))
    row = ExporterContents.objects.get(directory="sql-server")
    assert ADDRESS in page(f"/admin/hub/exportercontents/{row.pk}/change/", admin)


def test_it_says_how_to_add_the_exporter(odd: Hub) -> None:
    row = ExporterContents.objects.get(directory="sql-server")
    actions = (
        "/admin/hub/exporter/add-by-repository/",
        f"/admin/hub/exportercontents/{row.pk}/change/",
    )
    html = page()
    assert "importcatalogue" in html
    assert not [action for action in actions if action in html]
    admin = Client()
    admin.force_login(User.objects.create_superuser("root"))
    html = page(client=admin)
    for action in actions:
        assert f'href="{action}"' in html
        assert admin.get(action).status_code == 200


def test_with_an_exporter_it_leads_to_the_exporters_page(odd: Hub) -> None:
    row = ExporterContents.objects.get(directory="sql-server")
    exporter = Exporter.objects.get()
    DirectoryOwner.objects.create(source=row.source, directory=row.directory, exporter=exporter)
    answer = Client().get(ADDRESS)
    assert (answer.status_code, answer["Location"]) == (302, "/exporters/sql")


@pytest.mark.parametrize("name", ["nothing", "SQL", "sql-server%00", "%00", "a" * 300, "%ff"])
def test_an_unknown_directory_is_not_found(odd: Hub, name: str) -> None:
    answer = Client().get(f"/directories/{name}")
    assert answer.status_code == 404
    assert "Directory not found" in answer.content.decode()
    assert "/coverage" in answer.content.decode()


def test_the_directory_of_another_source_is_not_found(odd: Hub, settings: Any) -> None:
    settings.GITHUB_BRANCH = "next"
    assert Client().get(ADDRESS).status_code == 404


def test_a_hostile_name_is_text(odd: Hub) -> None:
    name = '"><script>alert(1)</script>'.replace("/", "\u2215")
    odd.write(f"{name}/alert.yaml", contents.alert("Hostile", "up == 0"))
    assert odd.refresh().status == RunStatus.PUBLISHED
    coverage = page("/coverage")
    (link,) = re.findall(r'href="(/directories/%22[^"]+)"', coverage)
    assert escape(name) in page(link)
    assert name not in page(link)
