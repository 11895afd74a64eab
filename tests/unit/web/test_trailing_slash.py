"""An address with a trailing slash leads to the one without it, and never to another host."""

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from hub.web.middleware import redirect_trailing_slash


@pytest.mark.parametrize(
    ("requested", "address"),
    [
        ("/exporters/redis/", "/exporters/redis"),
        ("/exporters/redis/alerts//?q=a%20b&tab=x", "/exporters/redis/alerts?q=a%20b&tab=x"),
        ("/directories/a%20b%3F/", "/directories/a%20b%3F"),
        ("/coverage.csv/", "/coverage.csv"),
    ],
)
def test_a_trailing_slash_is_removed_permanently(requested: str, address: str) -> None:
    for method in ("get", "head"):
        response = getattr(Client(), method)(requested)
        assert (response.status_code, response["Location"]) == (301, address)


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/",
        "//evil.example/coverage/",
        "//coverage/",
        "///",
        "/no/",
        "/api/v1/files/../",
    ],
)
def test_an_address_that_does_not_exist_is_not_redirected(path: str) -> None:
    request = RequestFactory().get("/")  # it would take the host from a path with two slashes
    request.path = request.path_info = path
    assert redirect_trailing_slash(lambda _: HttpResponse(status=404))(request).status_code == 404


def test_an_address_that_ends_with_a_slash_stays() -> None:
    assert Client().get("/admin/login/").status_code == 200
    assert Client().get("/admin/no/such/page/")["Location"].startswith("/admin/login/?next=")
    assert Client().post("/theme/").status_code == 404
