"""No page of a stranger makes a signed-in browser change anything."""

from django.test import Client

from tests.integration.access_control.addresses import DOORS, METHODS, Door, everyone
from tests.integration.access_control.conftest import House
from tests.integration.access_control.headers import assert_protected

# What does without a token, and why: (route, method) → the status.
WITHOUT_A_TOKEN = {
    # the look of the hub in this browser, and nothing else
    ("theme", "POST"): 303,
    # signed by GitHub; no cookie counts there
    ("webhooks/github", "POST"): 401,
}


def strict(house: House, role: str) -> Client:
    """The role's browser, as a stranger's page would use it: with the cookies, without a token."""
    client = Client(enforce_csrf_checks=True)
    client.cookies = house.clients[role].cookies
    return client


def test_nothing_is_changed_without_the_token(house: House) -> None:
    client = strict(house, "superuser")
    doors = {(door.route, door.method): door for door in DOORS}
    wrong = []
    for route in sorted({door.route for door in DOORS}):
        for method in METHODS[1:]:
            door = doors.get((route, method)) or Door(route, method, everyone(403))
            answer = house.ask("superuser", door, client)
            assert_protected(answer)
            # The API, which takes nothing there, is outside of Django's check: 404, 405.
            refused = (
                {403} if (route, method) in doors or route.startswith("admin/") else {403, 404, 405}
            )
            if answer.status_code not in {WITHOUT_A_TOKEN.get((route, method))} | refused:
                wrong.append(f"{door}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_not_even_signing_in(house: House) -> None:
    """Else a stranger's page could sign a browser in as somebody else."""
    door = next(door for door in DOORS if str(door) == "POST admin/login/")
    assert house.ask("anonymous", door, strict(house, "anonymous")).status_code == 403


def test_a_programs_password_is_asked_for_by_no_dialog_of_the_browser(house: House) -> None:
    """So no browser keeps it, to send it along wherever a stranger's page makes it ask."""
    door = next(door for door in DOORS if str(door) == "POST api/v1/edits")
    answer = house.ask("anonymous", door)
    assert answer.status_code == 401
    assert "WWW-Authenticate" not in answer.headers
