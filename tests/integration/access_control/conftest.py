"""A prepared hub, whose every operation is tried and left as it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from hub.catalogue import logos
from hub.github.source import configured_source
from hub.models import (
    Category,
    ContentBlob,
    ContentEdit,
    ContentTree,
    EditState,
    Exporter,
    ExporterContents,
    FactsRun,
    GitHubToken,
    Picture,
    RefreshRun,
    WebhookDelivery,
)
from tests.common.catalogue import fill_catalogue
from tests.integration.access_control.addresses import ROLES, Action, Operation

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
SHA = "a" * 40


@dataclass(frozen=True)
class PreparedHub:
    """The prepared hub: a client for each role, and the rows that the routes' parts stand for."""

    clients: dict[str, Client]
    rows: dict[str, Any]  # by model, "hub.exporter"

    def address(self, operation: Operation) -> str:
        """The operation's address, with the prepared rows in the place of the route's parts."""
        parts = operation.route.split("/")
        row = self.rows.get(".".join(parts[1:3])) if parts[0] == "admin" else None
        values = {
            "<slug:slug>": "exporter-0",
            "<slug>": "exporter-0",
            "<text:directory>": "Number_0000",
            "<str:directory>": "Odd One",
            "<sha>": SHA,
            "<slug:sha>": SHA,
            "<int:run>": str(self.rows["hub.refreshrun"].pk),
            "<int:edit>": str(self.rows["hub.contentedit"].pk),
            "<id>": str(self.rows["auth.user"].pk),
            "<app_label>": "hub",
            "(?P<url>.*)$": "no/such/page",
            "<path:content_type_id>": str(ContentType.objects.get_for_model(Exporter).pk),
            "<path:object_id>": str((row or self.rows["hub.exporter"]).pk),
        }
        return "/" + "/".join(values.get(part, part) for part in parts) + operation.query

    def act(self, action: Action, *permissions: str) -> tuple[bool, Any]:
        """Whether it changed anything that somebody with these permissions did this to a row of a
        list, and what was answered; it is undone.
        """
        client = self.clients["permitted"]
        with undone(client):
            permit("permitted", *permissions)
            before = kept()
            answer = client.post(
                f"/admin/{action.model.replace('.', '/')}/",
                {
                    "action": action.name,
                    "_selected_action": [self.rows[action.model].pk],
                    "post": "yes",  # the confirmation of a deletion
                },
            )
            changed = kept() != before
        return changed, answer

    def ask(self, role: str, operation: Operation, client: Client | None = None) -> Any:
        """What the role is answered at the operation; what it did there is undone."""
        client = client or self.clients[role]
        with undone(client):
            if role == "permitted":
                permit("permitted", *operation.needs)
            data = (
                {"data": operation.data, "content_type": "application/json"}
                if isinstance(operation.data, str)
                else {"data": operation.data}
            )
            method = getattr(client, operation.method.lower())
            return method(self.address(operation), **data)


@contextmanager
def undone(client: Client) -> Iterator[None]:
    """What happens within is undone, in Postgres and in the client's cookies."""
    cookies = deepcopy(client.cookies)
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    client.cookies = cookies


def permit(name: str, *permissions: str) -> None:
    """Give a user these permissions and no other."""
    codenames = [permission.partition(".")[2] for permission in permissions]
    found = Permission.objects.filter(codename__in=codenames)
    assert len(found) == len(codenames), permissions
    User.objects.get(username=name).user_permissions.set(found)


def kept() -> dict[str, list[Any]]:
    """Every row of what the admin can change."""
    return {
        model._meta.label_lower: list(model._default_manager.order_by("pk").values())
        for model in admin.site._registry
    }


def _rows() -> dict[str, Any]:
    fill_catalogue(2)
    now, source = timezone.now(), configured_source().key
    logos.store_logo(Exporter.objects.get(slug="exporter-0"), "image/png", PNG)
    ContentBlob.objects.create(sha=SHA, data=b"groups: []", report={"format": "yaml"}, rules=1)
    Picture.objects.create(sha=SHA, data=PNG, media_type="image/png", width=1, height=1)
    ContentTree.objects.create(sha="b" * 40, files=[["a.yaml", SHA, 10]])
    ExporterContents.objects.filter(directory="Number_0000").update(tree_sha="b" * 40)
    run = RefreshRun.objects.create(
        source=source, trigger="command", status="held", deadline=now, finished_at=now
    )
    interval = IntervalSchedule.objects.create(every=7, period="days")
    rows = [
        Category.objects.create(name="An empty shelf"),
        Exporter.objects.get(slug="exporter-0"),
        ExporterContents.objects.get(directory="Number_0000"),
        run,
        FactsRun.objects.create(deadline=now, trigger="command", status="ended", finished_at=now),
        GitHubToken(name="a token", secret="ghp_of_no_use_at_all"),
        ContentEdit.objects.create(
            source=source, directory="Number_0000", path="a.md", text="a", state=EditState.REFUSED
        ),
        WebhookDelivery.objects.create(signature="sha256=0", event="ping", action="pong"),
        AccessAttempt.objects.create(
            username="root", ip_address="192.0.2.1", user_agent="a", failures_since_start=1
        ),
        Group.objects.create(name="a group"),
        User.objects.create_user("somebody"),
        PeriodicTask.objects.create(name="an entry", task="no.such.task", interval=interval),
        CrontabSchedule.objects.create(),
        # Deleting one deletes the entries that follow it; this one has none.
        IntervalSchedule.objects.create(every=8, period="days"),
    ]
    GitHubToken.objects.bulk_create([row for row in rows if isinstance(row, GitHubToken)])
    return {row._meta.label_lower: row for row in rows}


def _clients() -> dict[str, Client]:
    clients = {role: Client() for role in ROLES}
    for role in ROLES[1:]:
        user = User.objects.create_user(
            role, is_staff=role != "user", is_superuser=role == "superuser"
        )
        clients[role].force_login(user)
    return clients


@pytest.fixture
def hub(db: None, settings: Any) -> PreparedHub:
    """The prepared hub."""
    settings.GITHUB_WEBHOOK_SECRET = "a secret of the test"
    return PreparedHub(_clients(), _rows())
