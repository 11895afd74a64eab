"""Tests of the page that explains how to connect a repository, and of its check."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.html import strip_tags
from pytest_django import DjangoAssertNumQueries

from hub.content.map.render_map import locked_map
from hub.demo import history
from hub.demo.fake_github import FakeGitHub, Fault, Repository
from hub.demo.fake_github import faults as f
from hub.github.source import configured_source
from hub.models import Change, ChangeWhat, GitHubToken, Reason, ServedContents
from tests.common.sample import SAMPLE
from tests.conftest import TOKEN, Hub


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


@pytest.fixture
def admin(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_the_page_shows_the_command_with_its_variables(
    db: None, github: FakeGitHub, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    assert Client().get("/").status_code == 200  # creates the row of the map
    with django_assert_max_num_queries(6):
        page = text(Client().get("/setup"))
    for word in ("GITHUB_TOKEN=", "GITHUB_REPO=", "GITHUB_CONTENTS_PATH=", "make run", "Contents"):
        assert word in page
    assert "Check now" not in page
    assert github.requests == []


def test_the_demo_says_so_on_each_page_and_before_its_forms(
    admin: Client, settings: Any, github: FakeGitHub
) -> None:
    pages = ("/", "/coverage", "/status", "/setup", "/packs")
    forms = ("/admin/hub/githubtoken/add/", "/admin/hub/exporter/add-by-repository/")
    assert not any("Demo:" in text(admin.get(path)) for path in pages + forms)
    settings.HUB_DEMO = True
    for path in pages:
        page = text(admin.get(path))
        assert "Demo: sample content, invented stars and releases." in strip_tags(page)
        assert '<a class="notice__act" href="/setup">' in page
    for path in forms:
        page = text(admin.get(path))
        assert page.index("Demo:") < page.index(
            '<form method="post"' if "add-by-repository" in path else "<fieldset"
        )
        assert 'href="/setup"' in page


def test_without_a_token_each_page_says_what_is_missing_and_where_to_put_it(db: None) -> None:
    key = configured_source().key
    assert locked_map(key)
    ServedContents.objects.update(reason=Reason.NO_TOKEN)
    for path in ("/", "/coverage", "/status", "/setup", "/packs"):
        page = text(Client().get(path))
        assert (
            "No GitHub token: set GITHUB_TOKEN and restart the hub, or add one in the admin."
            in page
        )
        assert "How to connect the repository" in page


def steps(client: Client) -> str:
    return text(client.post("/setup/check"))


def test_the_check_of_a_repository_that_works(admin: Client, github: FakeGitHub) -> None:
    GitHubToken.objects.bulk_create([GitHubToken(name="token", secret=TOKEN)])
    github.repository.write("contents/Redis/alert.yaml", b"")
    assert "The hub can read" in steps(admin)


def test_the_check_of_a_server_without_rate_limits(admin: Client, github: FakeGitHub) -> None:
    off = f.answer(404, {"message": "Rate limiting is not enabled."})
    github.faults.append(Fault(off, match="/rate_limit"))
    GitHubToken.objects.bulk_create([GitHubToken(name="token", secret=TOKEN)])
    github.repository.write("contents/Redis/alert.yaml", b"")
    assert "The hub can read" in steps(admin)


def test_the_check_names_the_step_that_fails_and_what_to_do(
    admin: Client, github: FakeGitHub, settings: Any
) -> None:
    page = steps(admin)
    assert "Token</bdi>: No GitHub token: set GITHUB_TOKEN" in page
    assert page.count("not checked") == 3
    assert github.requests == []
    GitHubToken.objects.bulk_create([GitHubToken(name="token", secret=TOKEN)])
    assert "Branch main</bdi>: The repository has no commits." in steps(admin)
    github.repository.write("content/Redis/alert.yaml", b"")
    assert "Folder contents</bdi>: GitHub does not find it. Set GITHUB_CONTENTS_PATH" in steps(
        admin
    )
    settings.GITHUB_BRANCH = "trunk"
    assert "Branch trunk</bdi>: GitHub does not find it. Set GITHUB_BRANCH" in steps(admin)
    settings.GITHUB_REPO = "tests/nothing"
    assert "tests/nothing</bdi>: GitHub does not find it. Check GITHUB_REPO" in steps(admin)
    github.faults.append(Fault(f.server_error()))
    assert "Token</bdi>: GitHub responded with a server error" in steps(admin)
    github.faults.clear()
    github.revoke(TOKEN)
    assert "Token</bdi>: GitHub rejected the token" in steps(admin)


def test_the_demo_records_two_changes_once(hub: Hub, settings: Any) -> None:
    settings.HUB_DEMO = True
    hub.github.repository = Repository.of_folder(SAMPLE)
    hub.add_token()
    hub.refresh()
    history.record_history()
    history.record_history()
    changes = list(Change.objects.order_by("pk").values_list("directory", "what"))
    assert changes == [("Ceph", ChangeWhat.LOST), ("Ceph", ChangeWhat.GAINED)]
