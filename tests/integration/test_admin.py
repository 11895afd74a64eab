"""The admin: refresh, tokens and permissions."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from hub.demo.fake_github import Fault
from hub.demo.fake_github import faults as f
from hub.models import (
    Category,
    Exporter,
    ExporterContents,
    GitHubToken,
    RefreshRun,
    RunStatus,
    RunTrigger,
    TokenState,
)
from tests.common.waiting import wait_until
from tests.conftest import TOKEN, Hub


@pytest.fixture
def admin(hub: Hub) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def ended(**fields: object) -> RefreshRun:
    runs = RefreshRun.objects.filter(finished_at__isnull=False, **fields)
    return wait_until(runs.first, "the run to end")


def test_the_button_refreshes(admin: Client, hub: Hub) -> None:
    hub.add_token()
    hub.fill("Redis/alert.yaml")
    page = admin.get("/admin/hub/refreshrun/").content.decode()
    assert "Refresh contents now" in page
    answer = admin.post("/admin/hub/refreshrun/refresh/", follow=True).content.decode()
    assert "Refresh started" in answer
    run = ended()
    assert (run.trigger, run.status) == (RunTrigger.ADMIN, RunStatus.PUBLISHED)
    assert run.requested_by.username == "root"
    page = admin.get("/admin/hub/refreshrun/").content.decode()
    assert all(f"column-{name}" in page for name in ("result", "started", "trigger", "duration"))
    detail = admin.get(f"/admin/hub/refreshrun/{run.pk}/change/").content.decode()
    assert "Redis" in detail


def test_the_button_reports_an_open_run(admin: Client, hub: Hub) -> None:
    hub.add_token()
    hub.fill("Redis/alert.yaml")
    hub.github.latency = 0.5
    admin.post("/admin/hub/refreshrun/refresh/")
    answer = admin.post("/admin/hub/refreshrun/refresh/", follow=True).content.decode()
    assert "is already running" in answer
    ended()
    assert RefreshRun.objects.count() == 1


def test_chosen_exporters_only(admin: Client, hub: Hub) -> None:
    hub.add_token()
    hub.fill("Redis/alert.yaml", "Kafka/alert.yaml")
    category = Category.objects.create(name="Database")
    for name in ("Redis", "Kafka"):
        Exporter.objects.create(
            slug=name.lower(),
            title=name,
            repository=f"https://github.com/tests/{name}",
            category=category,
        )
    hub.refresh()
    hub.fill("Redis/dashboard.json", "Kafka/dashboard.json")
    admin.post(
        "/admin/hub/exporter/",
        {
            "action": "refresh_contents",
            "_selected_action": [Exporter.objects.get(slug="redis").pk],
        },
    )
    run = ended(trigger=RunTrigger.ADMIN)
    assert run.lookups.count() == 1
    rows = {row.directory: row for row in ExporterContents.objects.all()}
    assert (rows["Redis"].dashboard, rows["Redis"].stale) == (True, "")
    assert (rows["Kafka"].dashboard, rows["Kafka"].stale) == (False, "not_chosen")
    hub.refresh()
    assert ExporterContents.objects.get(directory="Kafka").dashboard is True


def test_a_held_run_can_be_published(admin: Client, hub: Hub) -> None:
    hub.add_token()
    hub.fill(*(f"{name}/alert.yaml" for name in "ABCDE"))
    hub.refresh()
    for name in "ABC":
        hub.github.repository.delete(f"contents/{name}")
    held = hub.refresh()
    admin.post("/admin/hub/refreshrun/", {"action": "publish_held", "_selected_action": [held.pk]})
    assert ended(trigger=RunTrigger.ADMIN).status == RunStatus.PUBLISHED
    assert set(ExporterContents.objects.values_list("directory", flat=True)) == {"D", "E"}


def test_a_token_is_checked_before_it_is_stored_and_starts_a_run(admin: Client, hub: Hub) -> None:
    hub.fill("Redis/alert.yaml")
    add = "/admin/hub/githubtoken/add/"
    refused = admin.post(add, {"name": "bad", "secret": "ghp_of_somebody_else_0123"})
    assert "GitHub rejected this token" in refused.content.decode()
    hub.github.faults.append(
        Fault(f.answer(403, {"message": "Your account was suspended"}), times=1)
    )
    refused = admin.post(add, {"name": "suspended", "secret": TOKEN}).content.decode()
    assert "use another token. (/rate_limit: 403 Your account was suspended)" in refused
    assert not GitHubToken.objects.exists()
    admin.post(add, {"name": "good", "secret": TOKEN})
    token = GitHubToken.objects.get()
    assert (token.state, token.core_limit) == (TokenState.VALID, 5000)
    run = ended()
    assert (run.trigger, run.status) == (RunTrigger.TOKEN, RunStatus.PUBLISHED)
    page = admin.get("/admin/hub/githubtoken/").content.decode()
    assert f"ghp_••••{TOKEN[-4:]}" in page
    # Renaming does not change the stored token.
    admin.post(f"/admin/hub/githubtoken/{token.pk}/change/", {"name": "renamed", "secret": ""})
    token.refresh_from_db()
    assert (token.name, token.secret) == ("renamed", TOKEN)


def test_tokens_cannot_be_filtered_by_their_secret(admin: Client, hub: Hub) -> None:
    hub.add_token()
    for lookup in ("secret__startswith", "secret"):
        answer = admin.get("/admin/hub/githubtoken/", {lookup: "gAAAA"})
        assert answer.status_code == 400, lookup


def test_staff_without_the_permission_cannot_refresh(hub: Hub) -> None:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_refreshrun"))
    client = Client()
    client.force_login(user)
    assert "Refresh contents now" not in client.get("/admin/hub/refreshrun/").content.decode()
    assert client.post("/admin/hub/refreshrun/refresh/").status_code == 403
    assert Client().post("/admin/hub/refreshrun/refresh/").status_code == 302
    assert not RefreshRun.objects.exists()


def test_the_button_requires_a_csrf_token(admin: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = admin.cookies
    assert strict.post("/admin/hub/refreshrun/refresh/").status_code == 403


def test_an_edited_schedule_survives_the_next_migration(hub: Hub) -> None:
    from django.core.management import call_command

    entry = PeriodicTask.objects.get(name="Refresh contents")
    entry.enabled = False
    entry.save()
    call_command("migrate", verbosity=0)
    entry.refresh_from_db()
    assert entry.enabled is False
    assert PeriodicTask.objects.filter(task=entry.task).count() == 1


def test_only_the_parts_of_the_schedule_that_the_hub_needs_are_shown(
    db: None, admin_client: Client
) -> None:
    page = admin_client.get("/admin/").content.decode()
    assert "Periodic tasks" in page
    assert not any(name in page for name in ("Clocked", "Crontabs", "Intervals", "Solar"))
    entry = PeriodicTask.objects.get(name="Refresh contents")
    address = f"/admin/django_celery_beat/periodictask/{entry.pk}/change/"
    page = admin_client.get(address).content.decode()
    assert "/admin/django_celery_beat/intervalschedule/add/" in page
    assert "/admin/django_celery_beat/crontabschedule/add/" in page
    assert not any(f"id_{name}" in page for name in ("solar", "clocked", "one_off"))
    assert "readable-crontabs" not in page  # for an inline script, which the policy blocks

    every = IntervalSchedule.objects.create(every=30, period="minutes")
    form = {"name": entry.name, "task": entry.task, "interval": every.pk, "args": "[]"}
    form |= {"kwargs": "{}", "headers": "{}", "expire_seconds": 1800, "enabled": "on"}
    assert admin_client.post(address, form).status_code == 302
    entry.refresh_from_db()
    assert (entry.interval, entry.enabled) == (every, True)
