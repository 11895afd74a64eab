"""Tests of GitHub's webhook: valid, invalid and replayed deliveries."""

import copy
import json
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as hub_settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from hub.demo.fake_github import Fault
from hub.models import (
    DeliveryAction,
    RefreshRun,
    RunStatus,
    RunTrigger,
    WebhookDelivery,
)
from hub.web.webhooks.deliveries import prune_deliveries
from hub.web.webhooks.views import sign
from tests.common import contents
from tests.common.processes import frozen
from tests.common.waiting import wait_until
from tests.conftest import Hub

SECRET = "a secret of the tests"
LARGEST = 25 * 1024 * 1024
EXAMPLES = Path(__file__).parents[1] / "data" / "octokit-webhooks-examples"
PING, PUSH = (json.loads((EXAMPLES / f"{name}.json").read_text()) for name in ("ping", "push"))


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.GITHUB_WEBHOOK_SECRET = SECRET


@pytest.fixture
def filled(hub: Hub) -> Hub:
    """Publish two directories with alerts."""
    hub.add_token()
    hub.fill("Redis/alert.yaml", "Kafka/alert.yaml")
    assert hub.refresh().status == RunStatus.PUBLISHED
    return hub


def push(*paths: str, after: str = "", **changed: Any) -> dict[str, Any]:
    """Return GitHub's example of a push, changed to push to the test's repository."""
    payload = copy.deepcopy(next(p for p in PUSH if p["ref"] == "refs/heads/master"))
    payload |= {"ref": "refs/heads/main", "created": False, "after": after or uuid.uuid4().hex}
    payload["repository"]["full_name"] = hub_settings.GITHUB_REPO
    payload["commits"][0] |= {"added": list(paths)}
    return payload | changed


def deliver(payload: object, *, event: str = "push", **headers: str | None) -> Any:
    """POST a delivery as GitHub does; a header that is None is omitted."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    sent = {
        "X-Hub-Signature-256": sign(SECRET, body),
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": str(uuid.uuid4()),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    kind = sent.pop("Content-Type", "application/json")
    return Client(enforce_csrf_checks=True, raise_request_exception=False).post(
        "/webhooks/github",
        body,
        content_type=kind,
        headers={name: value for name, value in sent.items() if value is not None},
    )


def served() -> dict[str, Any]:
    return Client().get("/api/v1/contents").json()["contents"]


def all_ended() -> list[RefreshRun]:
    """Return all runs, oldest first, when all have ended."""
    wait_until(lambda: not RefreshRun.objects.open().exists(), "the runs to end")
    return list(RefreshRun.objects.order_by("pk"))


def nothing_happened() -> bool:
    return not (RefreshRun.objects.exists() or WebhookDelivery.objects.exists())


# --- What a push does ---------------------------------------------------------------------------


def test_a_push_is_visible_in_the_map(filled: Hub) -> None:
    path = "contents/Redis/dashboard.json"
    sha = filled.github.repository.write(path, contents.dashboard())
    pushed = time.monotonic()
    answer = deliver(push(path, after=sha))
    wait_until(lambda: served()["Redis"]["G"], "the push in the map")
    print(f"from push to map: {time.monotonic() - pushed:.2f} s")  # noqa: T201 — with pytest -s
    run = RefreshRun.objects.get(trigger=RunTrigger.WEBHOOK)
    assert (answer.status_code, answer.json()["run"]) == (202, run.pk)
    assert run.status == RunStatus.PUBLISHED
    delivery = WebhookDelivery.objects.get()
    assert (delivery.event, delivery.action) == ("push", DeliveryAction.STARTED)


def test_a_burst_of_pushes_starts_one_run(filled: Hub) -> None:
    paths = [f"contents/D{number}/alert.yaml" for number in range(20)]
    pushes = [push(path, after=filled.github.repository.write(path, b"")) for path in paths]
    with frozen(filled.workers):  # no worker starts the run before all pushes have arrived
        answers = [deliver(payload) for payload in pushes]
    *_, run = all_ended()
    assert {(answer.status_code, answer.json()["run"]) for answer in answers} == {(202, run.pk)}
    assert RefreshRun.objects.filter(trigger=RunTrigger.WEBHOOK).count() == 1
    assert len(served()) == 22
    assert WebhookDelivery.objects.filter(action=DeliveryAction.JOINED).count() == 19


def test_pushes_during_a_run_start_one_more_run(filled: Hub) -> None:
    filled.fill("Redis/dashboard.json")
    held, go_on = threading.Event(), threading.Event()

    def hold(_: object) -> bool:
        held.set()
        go_on.wait(1.5)  # less than the hub's timeout
        return False

    slow = filled.github.repository.find("main", "contents/Redis").sha
    filled.github.faults.append(Fault(hold, match=slow, times=1))
    first = deliver(push("contents/Redis/dashboard.json"))
    assert held.wait(10)
    for name in ("Kafka", "Node"):  # after the directories were listed
        filled.fill(f"{name}/dashboard.json")
        answer = deliver(push(f"contents/{name}/dashboard.json"))
        assert (answer.status_code, answer.json()["run"]) == (202, first.json()["run"])
    assert RefreshRun.objects.open().get().status == RunStatus.LOOKING_UP
    go_on.set()
    runs = [run for run in all_ended() if run.trigger == RunTrigger.WEBHOOK]
    assert [run.status for run in runs] == [RunStatus.PUBLISHED] * 2
    assert [run.lookups.count() for run in runs] == [1, 2]
    assert (served()["Kafka"]["G"], served()["Node"]["G"]) == (True, True)
    assert [delivery.action for delivery in WebhookDelivery.objects.order_by("pk")] == [
        DeliveryAction.STARTED,
        DeliveryAction.FOLLOWS,
        DeliveryAction.FOLLOWS,
    ]


@pytest.mark.parametrize(
    ("payload", "action"),
    [
        (push("contents/Redis/x", ref="refs/heads/other"), DeliveryAction.ELSEWHERE),
        (push("contents/Redis/x", repository={"full_name": "a/b"}), DeliveryAction.ELSEWHERE),
        (push("docs/readme.md", "contents.md"), DeliveryAction.UNTOUCHED),
        (PUSH[0], DeliveryAction.ELSEWHERE),
        ([], DeliveryAction.ELSEWHERE),
        ({"ref": {}, "repository": [], "commits": "none"}, DeliveryAction.ELSEWHERE),
    ],
    ids=["branch", "repository", "path", "tag", "list", "odd"],
)
@pytest.mark.django_db
def test_a_push_elsewhere_is_ignored(payload: object, action: DeliveryAction) -> None:
    answer = deliver(payload)
    assert (answer.status_code, answer.json()) == (200, {"detail": action.label})
    assert WebhookDelivery.objects.get().action == action
    assert not RefreshRun.objects.exists()


def test_a_push_is_processed_once_even_with_other_headers(filled: Hub) -> None:
    payload = push("contents/Redis/dashboard.json")
    assert (
        deliver(payload, event="ping").status_code == 200
    )  # a wrong event name does not count as processing
    assert deliver(payload).status_code == 202
    assert [run.trigger for run in all_ended()] == [RunTrigger.COMMAND, RunTrigger.WEBHOOK]
    for headers in ({}, {"X-GitHub-Delivery": "another"}, {"X-GitHub-Delivery": None}):
        answer = deliver(payload, **headers)
        assert (answer.status_code, answer.json()) == (
            409,
            {"detail": "This push has been processed already."},
        )
    assert RefreshRun.objects.count() == 2
    assert WebhookDelivery.objects.filter(event="push").count() == 1


def test_a_push_can_be_redelivered_if_its_run_could_not_start(filled: Hub) -> None:
    payload = push("contents/Redis/dashboard.json")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE hub_refreshrun RENAME TO away")
    try:
        assert deliver(payload).status_code == 500
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO hub_refreshrun")
    assert not WebhookDelivery.objects.exists()
    assert deliver(payload).status_code == 202
    all_ended()


# --- What is no push ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_repeated_pings_are_answered() -> None:
    for payload in (*PING, PING[0]):
        answer = deliver(payload, event="ping")
        assert answer.status_code == 200
        assert answer.json()["detail"].startswith("pong")
    assert WebhookDelivery.objects.filter(action=DeliveryAction.PONG).count() == len(PING)
    assert not RefreshRun.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("event", ["issues", "", "PUSH", None])
def test_other_events_are_ignored(event: str | None) -> None:
    answer = deliver(push("contents/Redis/x"), **{"X-GitHub-Event": event})
    assert answer.status_code == 200
    assert answer.json()["detail"].startswith("ignored")
    assert nothing_happened()


# --- What is turned away --------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    "signature",
    [sign("another secret", json.dumps(push("contents/x", after="0")).encode()), "", "é", None],
    ids=["forged", "empty", "odd", "missing"],
)
@pytest.mark.parametrize("event", ["push", "ping"])
def test_an_invalid_signature_is_rejected(signature: str | None, event: str) -> None:
    payload = push("contents/x", after="0")
    answer = deliver(payload, event=event, **{"X-Hub-Signature-256": signature})
    assert answer.status_code == 401
    assert nothing_happened()


@pytest.mark.django_db
def test_a_signature_of_another_body() -> None:
    signature = sign(SECRET, json.dumps(push("docs/x")).encode())
    answer = deliver(push("contents/x"), **{"X-Hub-Signature-256": signature})
    assert answer.status_code == 401
    assert nothing_happened()


@pytest.mark.django_db
def test_a_body_larger_than_github_sends() -> None:
    answer = deliver(b" " * (LARGEST + 1))
    assert answer.status_code == 413
    assert nothing_happened()


@pytest.mark.django_db
def test_a_body_as_large_as_github_sends() -> None:
    body = json.dumps(push("docs/x")).encode()
    answer = deliver(body + b" " * (LARGEST - len(body)))
    assert (answer.status_code, WebhookDelivery.objects.count()) == (200, 1)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain"])
def test_another_content_type_is_rejected_with_advice(kind: str) -> None:
    answer = deliver(push("contents/x"), **{"Content-Type": kind})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]
    assert nothing_happened()


@pytest.mark.django_db
@pytest.mark.parametrize("body", [b" ", b"{", b"\xff", b"[" * 100_000, b"9" * 5000])
def test_a_signed_body_that_is_not_json(body: bytes) -> None:
    assert deliver(body).status_code == 400
    assert nothing_happened()


@pytest.mark.django_db
def test_without_a_secret_the_webhook_is_off(settings: Any) -> None:
    settings.GITHUB_WEBHOOK_SECRET = ""
    answer = deliver(push("contents/x"), **{"X-Hub-Signature-256": sign("", b"")})
    assert answer.status_code == 403
    assert "GITHUB_WEBHOOK_SECRET" in answer.json()["detail"]
    assert nothing_happened()


@pytest.mark.django_db
def test_only_post_is_allowed() -> None:
    answer = Client().get("/webhooks/github")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


# --- Afterwards -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_deliveries_are_read_only_in_the_admin() -> None:
    deliver(PING[0], event="ping")
    deliver(push("docs/x"))
    admin = Client()
    admin.force_login(User.objects.create_superuser("root"))
    page = admin.get("/admin/hub/webhookdelivery/").content.decode()
    assert DeliveryAction.PONG.label in page
    assert DeliveryAction.UNTOUCHED.label in page
    one = f"/admin/hub/webhookdelivery/{WebhookDelivery.objects.first().pk}"
    detail = admin.get(f"{one}/change/").content.decode()
    assert "sha256=" not in detail
    assert admin.post(f"{one}/delete/", {"post": "yes"}).status_code == 403
    assert admin.get("/admin/hub/webhookdelivery/add/").status_code == 403


@pytest.mark.django_db
def test_old_deliveries_are_deleted(settings: Any) -> None:
    deliver(push("docs/old"))
    old = WebhookDelivery.objects.get()
    old.received_at -= settings.HISTORY_KEPT * 1.01
    old.save()
    deliver(push("docs/new"))
    prune_deliveries()
    assert WebhookDelivery.objects.filter(pk=old.pk).count() == 0
    assert WebhookDelivery.objects.count() == 1
