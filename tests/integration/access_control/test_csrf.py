"""No page of a stranger makes a signed-in browser change anything."""

from django.test import Client

from tests.integration.access_control.addresses import METHODS, OPERATIONS, Operation, everyone
from tests.integration.access_control.conftest import PreparedHub
from tests.integration.access_control.headers import assert_protected

# What does without a token, and why: (route, method) → the status.
WITHOUT_A_TOKEN = {
    # the look of the hub in this browser, and nothing else
    ("theme", "POST"): 303,
    # signed by GitHub; no cookie counts there
    ("webhooks/github", "POST"): 401,
}


def strict(hub: PreparedHub, role: str) -> Client:
    """The role's browser, as a stranger's page would use it: with the cookies, without a token."""
    client = Client(enforce_csrf_checks=True)
    client.cookies = hub.clients[role].cookies
    return client


def test_nothing_is_changed_without_the_token(hub: PreparedHub) -> None:
    client = strict(hub, "superuser")
    operations = {(operation.route, operation.method): operation for operation in OPERATIONS}
    wrong = []
    for route in sorted({operation.route for operation in OPERATIONS}):
        for method in METHODS[1:]:
            operation = operations.get((route, method)) or Operation(route, method, everyone(403))
            answer = hub.ask("superuser", operation, client)
            assert_protected(answer)
            # The API, which takes nothing there, is outside of Django's check: 404, 405.
            refused = (
                {403}
                if (route, method) in operations or route.startswith("admin/")
                else {403, 404, 405}
            )
            if answer.status_code not in {WITHOUT_A_TOKEN.get((route, method))} | refused:
                wrong.append(f"{operation}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_not_even_signing_in(hub: PreparedHub) -> None:
    """Else a stranger's page could sign a browser in as somebody else."""
    operation = next(operation for operation in OPERATIONS if str(operation) == "POST admin/login/")
    assert hub.ask("anonymous", operation, strict(hub, "anonymous")).status_code == 403


def test_a_programs_password_is_asked_for_by_no_dialog_of_the_browser(hub: PreparedHub) -> None:
    """So no browser keeps it, to send it along wherever a stranger's page makes it ask."""
    operation = next(operation for operation in OPERATIONS if str(operation) == "POST api/v1/edits")
    answer = hub.ask("anonymous", operation)
    assert answer.status_code == 401
    assert "WWW-Authenticate" not in answer.headers
