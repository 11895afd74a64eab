"""Tests of the theme cookie, of its form, and of hub.js."""

import pytest
from django.test import Client

from hub.web.pages.script import SCRIPT, with_htmx
from tests.common.hostile import BAD_NEXT


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_html_contains_the_chosen_theme(db: None, theme: str) -> None:
    client = Client(enforce_csrf_checks=True)
    assert b"data-theme" not in client.get("/").content
    answer = client.post("/theme", {"theme": theme, "next": "/coverage?sort=A"})
    assert (answer.status_code, answer["Location"]) == (303, "/coverage?sort=A")
    cookie = answer.cookies["theme"]
    assert (cookie["samesite"], cookie["httponly"], cookie["path"]) == ("Lax", True, "/")
    for address in ("/", "/coverage", "/nothing-there"):
        html = client.get(address).content.decode()
        assert f'<html lang="en" data-theme="{theme}">' in html
        assert f'<meta name="color-scheme" content="{theme}">' in html
    admin = client.get("/admin/login/").content.decode()
    assert f'<meta name="color-scheme" content="{theme}">' in admin
    client.post("/theme", {"theme": "system"})
    assert b"data-theme" not in client.get("/").content


@pytest.mark.parametrize("elsewhere", BAD_NEXT)
def test_an_invalid_next_leads_home(db: None, elsewhere: str) -> None:
    answer = Client().post("/theme", {"theme": "dark", "next": elsewhere})
    assert (answer.status_code, answer["Location"]) == (303, "/")


def test_an_unknown_theme_is_rejected(db: None) -> None:
    assert Client().post("/theme", {"theme": "<script>"}).status_code == 400
    assert Client().get("/theme").status_code == 405
    client = Client()
    client.cookies["theme"] = '"><script>'
    assert b"data-theme" not in client.get("/").content


def test_the_script_ends_with_the_htmx_of_the_installed_package() -> None:
    """`make htmx` updates it."""
    script = SCRIPT.read_text(encoding="utf-8")
    assert script == with_htmx(script)
