"""Failed sign-ins: counted for the admin and the API together, locked, unlocked, forgotten."""

import base64
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Lock
from typing import Any
from urllib.parse import urlencode

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from hub.accounts.axes_handler import ADDRESS_FACTOR
from hub.accounts.login_throttle import delete_expired_attempts
from hub.models import ContentEdit
from tests.common.waiting import wait_until

pytestmark = pytest.mark.django_db
LIMIT = settings.AXES_FAILURE_LIMIT
WAIT = settings.AXES_COOLOFF_TIME.total_seconds()
PASSWORD = "the right one, 7 horses"
WRONG = "a wrong one, 8 horses"


@pytest.fixture(autouse=True)
def account() -> User:
    """An administrator."""
    return User.objects.create_superuser("root", password=PASSWORD)


def form(
    password: str, name: str = "root", address: str = "192.0.2.1", **extra: str
) -> HttpResponse:
    """Sign in to the admin."""
    return Client().post(
        "/admin/login/",
        {"username": name, "password": password, "next": "/admin/"},
        REMOTE_ADDR=address,
        **extra,
    )


def basic(
    password: str, name: str = "root", address: str = "192.0.2.1", client: Client | None = None
) -> HttpResponse:
    """Ask the API for an edit that there is not: 404 when signed in."""
    credentials = base64.b64encode(f"{name}:{password}".encode()).decode()
    return (client or Client()).get(
        "/api/v1/edits/1",
        REMOTE_ADDR=address,
        headers={"Authorization": f"Basic {credentials}"},
    )


def lock(address: str = "192.0.2.1") -> None:
    for number in range(LIMIT):
        last = (form if number % 2 else basic)(WRONG, address=address)
    assert last.status_code == 429


def test_the_admin_and_the_api_count_together() -> None:
    answers = [(form if number % 2 else basic)(WRONG) for number in range(LIMIT + 2)]
    assert [answer.status_code for answer in answers] == [401, 200, 401, 200, 429, 429, 429]
    # locked: the right password helps no more, in neither
    page, api = form(PASSWORD), basic(PASSWORD)
    assert (page.status_code, api.status_code) == (429, 429)
    for answer in (page, api):
        assert WAIT - 10 <= int(answer["Retry-After"]) <= WAIT
        assert answer["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "Try again</a> in 15 minutes" in page.content.decode()
    assert "axes_reset_username" in page.content.decode()
    assert json.loads(api.content).keys() == {"detail"}
    assert "Try again in 15 min" in json.loads(api.content)["detail"]


def test_a_lock_is_of_one_name_at_one_address() -> None:
    User.objects.create_user("other", password=PASSWORD)
    lock()
    assert basic(PASSWORD, address="192.0.2.2").status_code == 404
    assert basic(PASSWORD, name="other").status_code == 403  # signed in, without the permission
    # the addresses of one IPv6 subscriber are one
    for host in range(LIMIT):
        basic(WRONG, address=f"2001:db8::{host + 1}")
    assert basic(PASSWORD, address="2001:db8::ffff").status_code == 429


def test_a_client_that_no_proxy_vouches_for_cannot_name_its_address() -> None:
    for number in range(LIMIT):
        answer = form(WRONG, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")
    assert answer.status_code == 429


def test_names_without_an_account_are_locked_alike_and_not_kept() -> None:
    """An answer does not tell whether there is an account; a password typed as a name stays out."""
    for name in ("nobody", PASSWORD, "nobody" * 60, "no\0body"):
        answers = {basic(WRONG, name=name).status_code for _ in range(LIMIT - 1)}
        assert answers == {401}
    assert basic(WRONG, name="nobody").status_code == 429
    kept = AccessAttempt.objects.values_list("username", flat=True)
    assert len(kept) == 3
    assert all(name.startswith("no account (") for name in kept)


def test_nothing_that_was_sent_is_kept_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for _ in range(LIMIT + 1):
            form(WRONG, HTTP_USER_AGENT="some browser")
            Client().post(
                "/admin/login/?" + urlencode({"hint": WRONG}),
                {"username": "root", "password": WRONG, "passwort": WRONG},
            )
    assert "'root' from 192.0.2.1" in caplog.text
    assert "Locking out 'root'" in caplog.text
    rows = repr(list(AccessAttempt.objects.values()))
    for part in (WRONG, WRONG.replace(" ", "+")):
        assert part not in caplog.text
        assert part not in rows
    assert set(AccessAttempt.objects.values_list("get_data", "post_data")) == {("", "")}


def test_who_tries_on_is_not_locked_for_longer() -> None:
    lock()
    almost = timezone.now() - settings.AXES_COOLOFF_TIME + timedelta(seconds=20)
    AccessAttempt.objects.update(attempt_time=almost)
    assert 1 <= int(form(WRONG)["Retry-After"]) <= 20
    assert 1 <= int(basic(WRONG)["Retry-After"]) <= 20
    AccessAttempt.objects.update(attempt_time=almost - timedelta(seconds=20))
    assert form(PASSWORD).status_code == 302


def test_signing_in_begins_anew() -> None:
    for _ in range(LIMIT - 1):
        form(WRONG)
    assert form(PASSWORD).status_code == 302
    assert form(WRONG).status_code == 200


def test_a_program_that_signs_in_all_the_time_hides_no_guesses() -> None:
    for _ in range(LIMIT - 1):
        assert basic(PASSWORD).status_code == 404
        assert basic(WRONG).status_code == 401
    assert basic(WRONG).status_code == 429


def test_a_locked_out_request_does_nothing_as_the_session_either(account: User) -> None:
    """Else it would be told 429 and have been done."""
    client = Client()
    client.force_login(account)
    lock()
    credentials = base64.b64encode(f"root:{WRONG}".encode()).decode()
    answer = client.post(
        "/api/v1/edits",
        json.dumps({"directory": "Redis", "path": "note.md", "text": "hello"}),
        "application/json",
        REMOTE_ADDR="192.0.2.1",
        headers={"Authorization": f"Basic {credentials}"},
    )
    assert answer.status_code == 429
    assert not ContentEdit.objects.exists()
    # who is signed in already stays so
    assert client.get("/admin/", REMOTE_ADDR="192.0.2.1").status_code == 200


def test_an_address_is_locked_after_many_failures_with_different_names() -> None:
    for number in range(LIMIT * ADDRESS_FACTOR):
        answer = (form if number % 2 else basic)(WRONG, name=f"name-{number}")
    assert answer.status_code == 429
    for sign_in in (form, basic):
        locked = sign_in(PASSWORD)
        assert locked.status_code == 429
        assert WAIT - 60 <= int(locked["Retry-After"]) <= WAIT
        assert sign_in(PASSWORD, address="192.0.2.2").status_code in (302, 404)
    call_command("axes_reset_ip", "192.0.2.1")
    assert form(PASSWORD).status_code == 302


class SlowHasher(MD5PasswordHasher):
    """Waits until the other sign-ins are refused; records how many run at the same time."""

    lock = Lock()
    now = most = started = 0

    def encode(self, password: str, salt: str) -> str:
        with self.lock:
            SlowHasher.now += 1
            SlowHasher.started += 1
            SlowHasher.most = max(self.now, self.most)
        wait_until(lambda: len(REFUSED) >= 14 and self.started >= 2, "the other sign-ins")
        with self.lock:
            SlowHasher.now -= 1
        return super().encode(password, salt)


REFUSED: list[int] = []


@pytest.mark.django_db(transaction=True)
def test_two_passwords_are_checked_at_a_time(settings: Any) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.SlowHasher"]

    def sign_in(number: int) -> int:
        try:
            answer = (form if number % 2 else basic)(WRONG, name=f"name-{number}")
        finally:
            connection.close()
        if answer.status_code == 503:
            assert answer["Retry-After"] == "1"
            assert b"Too many sign-ins" in answer.content
            REFUSED.append(503)
        return answer.status_code

    with ThreadPoolExecutor(16) as threads:
        answers = sorted(threads.map(sign_in, range(16)))
    assert SlowHasher.most == 2
    assert answers[2:] == [503] * 14
    assert set(answers[:2]) <= {200, 401}


def test_unlocking_by_command() -> None:
    lock()
    call_command("axes_reset_username", "root")
    assert form(PASSWORD).status_code == 302


def test_unlocking_in_the_admin(account: User) -> None:
    lock()
    admin = Client()
    admin.force_login(account)
    page = admin.get("/admin/axes/accessattempt/").content.decode()
    assert "192.0.2.1" in page
    admin.post(
        "/admin/axes/accessattempt/",
        {
            "action": "delete_selected",
            "_selected_action": list(AccessAttempt.objects.values_list("pk", flat=True)),
            "post": "yes",
        },
    )
    assert form(PASSWORD).status_code == 302


def test_what_counts_no_more_is_forgotten() -> None:
    basic(WRONG)
    delete_expired_attempts()
    assert AccessAttempt.objects.count() == 1
    AccessAttempt.objects.update(
        attempt_time=timezone.now() - settings.AXES_COOLOFF_TIME - timedelta(seconds=1)
    )
    delete_expired_attempts()
    assert not AccessAttempt.objects.exists()
