"""The hub behind a proxy that ends TLS: a real web server with `HUB_HTTPS`, and Redis away."""

import base64
from collections.abc import Iterator

import pytest
import requests
from django.conf import settings
from django.contrib.auth.models import User

from hub.ops.local.ports import free_port
from tests.common.processes import Process, web

PASSWORD = "the right one, 7 horses"


@pytest.fixture
def hub(transactional_db: None) -> Iterator[str]:
    """The web server's address, as the proxy on this machine sees it."""
    User.objects.create_superuser("root", password=PASSWORD)
    port = free_port()
    process: Process = web(
        port,
        env={
            "HUB_HTTPS": "true",
            "HUB_TRUSTED_PROXIES": "127.0.0.1",
            "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",  # nobody listens there
        },
    )
    process.start()
    try:
        process.wait_for_output("Uvicorn running")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()


def test_behind_a_proxy(hub: str) -> None:
    def ask(path: str, client: str, name_and_password: str = "") -> requests.Response:
        """As the proxy passes it on: with the client's address and the protocol."""
        headers = {"X-Forwarded-For": client, "X-Forwarded-Proto": "https"}
        if name_and_password:
            encoded = base64.b64encode(name_and_password.encode()).decode()
            headers["Authorization"] = f"Basic {encoded}"
        return requests.get(hub + path, headers=headers, timeout=10, allow_redirects=False)

    # without TLS there is nothing but the way to it, and the health check
    plain = requests.get(f"{hub}/coverage", timeout=10, allow_redirects=False)
    assert (plain.status_code, plain.headers["Location"]) == (301, f"https{hub[4:]}/coverage")
    assert requests.get(f"{hub}/healthz", timeout=10).status_code == 200

    # with TLS: HSTS on every page, and cookies that never leave it
    for path in ("/", "/api/v1/status", "/admin/login/", "/no/such/page"):
        assert ask(path, "203.0.113.9").headers["Strict-Transport-Security"] == (
            "max-age=31536000; includeSubDomains; preload"
        )
    browser = requests.Session()
    browser.headers.update({"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"})
    login = browser.get(f"{hub}/admin/login/", timeout=10)
    token = login.cookies["csrftoken"]
    signed_in = browser.post(
        f"{hub}/admin/login/",
        {"username": "root", "password": PASSWORD, "csrfmiddlewaretoken": token},
        headers={"Cookie": f"csrftoken={token}", "Referer": f"https{hub[4:]}/admin/login/"},
        timeout=10,
        allow_redirects=False,
    )
    assert signed_in.status_code == 302  # although Redis is away
    for answer, name in ((login, "csrftoken"), (signed_in, "sessionid")):
        cookie = next(c for c in answer.cookies if c.name == name)
        assert cookie.secure
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert cookie.get_nonstandard_attr("SameSite") == "Lax"

    # failures count for the client, not for the proxy, and for nobody whom the client names
    for number in range(settings.AXES_FAILURE_LIMIT):
        answer = ask("/api/v1/edits/1", f"198.51.100.{number}, 203.0.113.9", "root:wrong")
    assert answer.status_code == 429
    assert ask("/api/v1/edits/1", "203.0.113.9", f"root:{PASSWORD}").status_code == 429
    assert ask("/api/v1/edits/1", "203.0.113.10", f"root:{PASSWORD}").status_code == 404
