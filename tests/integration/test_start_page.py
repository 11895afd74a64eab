"""Tests of the admin's start page: what it shows, to whom, and its buttons."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from hub.models import ExporterContents, RefreshRun, RunTrigger
from tests.common import contents
from tests.common.hostile import BAD_NEXT
from tests.common.waiting import wait_until
from tests.conftest import Hub

REFRESH = "/admin/hub/refreshrun/refresh/"


@pytest.fixture
def filled(hub: Hub) -> Hub:
    """Two directories, one of them with an error."""
    hub.add_token()
    hub.write("Redis/Redis_alert.yaml", contents.alert(expr="sum("))
    hub.fill("Kafka/alert.yaml")
    hub.refresh()
    return hub


def staff(*permissions: str) -> Client:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def page_of(client: Client) -> str:
    return client.get("/admin/").content.decode()


def test_it_shows_the_state_and_what_needs_attention(
    filled: Hub, admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(10):
        page = page_of(admin_client)
    row = ExporterContents.objects.get(directory="Redis")
    assert f'href="/admin/hub/exportercontents/{row.pk}/change/"><bdi>Redis</bdi>' in page
    assert 'edit/add/?directory=Redis&amp;path=Redis_alert.yaml">Edit' in page
    assert "line 5: " in page
    assert f'href="/admin/hub/refreshrun/{RefreshRun.objects.get().pk}/change/"' in page
    for text in ("Refresh now", "Check now", "Next refresh", "Scheduler", "Periodic tasks"):
        assert text in page
    assert '<a href="/">Catalogue</a>' in page


def test_staff_see_only_what_their_permissions_allow(
    filled: Hub, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = staff()
    page = page_of(client)
    assert "Snapshot" in page
    assert "<strong>1 error</strong> in 1 directory" in page
    for text in ("Refresh now", "Check now", "Redis_alert", "exportercontents", "refreshrun/"):
        assert text not in page, text
    user = User.objects.get()
    names = ("view_exportercontents", "view_refreshrun")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    with django_assert_max_num_queries(10):
        page = page_of(client)
    assert "<bdi>Redis</bdi>" in page
    assert "refreshrun/" in page
    for text in ("Refresh now", "Check now", "contentedit"):
        assert text not in page, text


def test_the_button_starts_a_run_and_leads_back(filled: Hub) -> None:
    client = staff("add_refreshrun")
    answer = client.post(REFRESH, {"next": "/admin/"}, follow=True)
    assert answer.redirect_chain == [("/admin/", 302)]
    assert "Refresh started" in answer.content.decode()
    runs = RefreshRun.objects.filter(trigger=RunTrigger.ADMIN, finished_at__isnull=False)
    wait_until(runs.first, "the run to end")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert strict.post(REFRESH, {"next": "/admin/"}).status_code == 403


def test_the_button_leads_to_no_other_site(hub: Hub) -> None:
    client = staff("add_refreshrun")
    for elsewhere in BAD_NEXT:
        assert client.post(REFRESH, {"next": elsewhere})["Location"] in (
            "/",
            "/admin/hub/refreshrun/",
        )
    wait_until(lambda: not RefreshRun.objects.filter(finished_at=None).exists(), "the run's end")
