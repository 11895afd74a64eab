"""Invalid URLs and forms in the admin: rejected with a message, never with a server error."""

from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client

from hub.models import Category, Exporter
from tests.common.hostile import BAD_NEXT
from tests.conftest import Hub

BEAT = "/admin/django_celery_beat"
REFUSED = (
    "/admin/hub/exporter/?q=%00",
    "/admin/hub/exporter/?category__id__exact=%00",
    "/admin/hub/exporter/?facts_problem__exact=%00",
    "/admin/hub/exportercontents/?stale__exact=%00",
    "/admin/hub/contentedit/?state__exact=%00",
    "/admin/hub/contentedit/add/?directory=%00&path=%00",
    "/admin/hub/exporter/?%00=1",
    "/admin/autocomplete/?app_label=hub&model_name=exporter&field_name=category&term=%00",
    "/admin/hub/exporter/1/change/?_to_field=",
    "/admin/hub/category/1/delete/?_to_field=",
    "/admin/hub/exporter/1/change/?_to_field=slug",
)
TAKEN = (
    ("/admin/hub/exporter/%00/change/", 302),
    ("/admin/hub/exporter/%00/history/", 302),
    (f"/admin/hub/exporter/{'9' * 40}/change/", 302),
    ("/admin/auth/user/%00/password/", 404),
    ("/admin/r/%00/%00/", 404),
    (f"/admin/r/{'9' * 40}/1/", 404),
    ("/admin/hub/contentedit/add/?directory=..&path=../../etc/passwd", 200),
    ("/admin/hub/exporter/add/?category=x&title=%3Cscript%3E", 200),
    (f"{BEAT}/periodictask/add/?expires=soon&start_time=1&nothing=1&crontab=x", 200),
)


@pytest.fixture
def admin(db: None) -> Client:
    category = Category.objects.create(name="x")
    Exporter.objects.create(
        slug="x", title="x", repository="https://github.com/a/b", category=category
    )
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_odd_addresses(admin: Client) -> None:
    for address in REFUSED:
        answer = admin.get(address)
        assert answer.status_code == 400, address
        assert "Bad request" in answer.content.decode(), address
    for address, status in TAKEN:
        assert admin.get(address).status_code == status, address


@pytest.mark.parametrize("elsewhere", BAD_NEXT)
def test_an_invalid_next_leads_home(db: None, elsewhere: str) -> None:
    User.objects.create_superuser("root", password="a good one, 7 horses")
    for url in ("/admin/login/", "/admin/logout/"):
        for query, form in (({"next": elsewhere}, {}), ({}, {"next": elsewhere})):
            client = Client()
            form |= {"username": "root", "password": "a good one, 7 horses"}
            if "logout" in url:
                client.force_login(User.objects.get())
            answer = client.post(f"{url}?{urlencode(query)}", form)
            assert (answer.status_code, answer["Location"]) == (302, "/")


def test_a_valid_next_is_followed(db: None) -> None:
    User.objects.create_superuser("root", password="a good one, 7 horses")
    form = {"username": "root", "password": "a good one, 7 horses", "next": "/admin/hub/?q=é&a=b"}
    assert Client().post("/admin/login/", form)["Location"] == "/admin/hub/?q=%C3%A9&a=b"


@pytest.mark.parametrize("model", ["exporter", "category", "contentedit", "githubtoken"])
def test_odd_choices(admin: Client, model: str) -> None:
    for chosen, refused in (
        ("\0", True),
        ("x", True),
        ("-1", True),
        ("9" * 40, False),
        ("0", False),
    ):
        for action in ("delete_selected", "refresh_contents", "withdraw", "nothing"):
            form = {"action": action, "_selected_action": chosen, "index": "0"}
            answer = admin.post(f"/admin/hub/{model}/", form)
            assert (answer.status_code == 400) == refused, (chosen, action)
    assert Exporter.objects.count() == 1


def test_a_token_that_no_header_can_carry(hub: Hub) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    form = {"name": "x", "secret": "ghp_\u201cquoted\u201d"}
    answer = client.post("/admin/hub/githubtoken/add/", form)
    assert "GitHub rejected this token" in answer.content.decode()
    assert hub.github.requests == []
