"""Tests of the status page for readers and admins, and of a run's progress."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from pytest_django import DjangoAssertNumQueries

from hub.demo.fake_github import Fault
from hub.demo.fake_github import faults as f
from hub.models import (
    Category,
    ContentTree,
    Exporter,
    ExporterContents,
    GitHubToken,
    Outcome,
    Reason,
    RefreshRun,
    RunStatus,
    RunTrigger,
    TokenState,
)
from tests.conftest import TOKEN, Hub

LIVE = "/status/live"


@pytest.fixture
def filled(hub: Hub) -> Hub:
    hub.add_token()
    hub.fill("Redis/alert.yaml", "Kafka/dashboard.json")
    hub.write(
        "Redis/broken_alert.yaml", b"groups:\n- name: a\n  rules:\n  - alert: A\n    expr: '('\n"
    )
    Exporter.objects.create(
        slug="redis",
        title="Redis",
        repository="https://github.com/tests/redis",
        category=Category.objects.create(name="Database"),
    )
    assert hub.refresh().status == RunStatus.PUBLISHED
    return hub


def page(client: Client | None = None) -> str:
    answer = (client or Client()).get("/status")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def open_run(status: RunStatus, **fields: object) -> RefreshRun:
    """Create an open run that no worker processes."""
    last = RefreshRun.objects.latest("pk")
    return RefreshRun.objects.create(
        source=last.source,
        trigger=RunTrigger.ADMIN,
        status=status,
        deadline=timezone.now() + timedelta(hours=1),
        **fields,
    )


def test_result_of_the_last_run(filled: Hub) -> None:
    run = filled.refresh()
    text = page()
    assert f"<strong>Last refresh:</strong> run {run.pk}, nothing changed" in text
    assert "<strong>2</strong> 0 not updated" in text
    assert "in 1 directory" in text
    assert "<strong>running</strong> beat sends tasks on time" in text
    assert text.count('<svg class="chart__bar"') == RefreshRun.objects.count() == 2


def test_few_queries_and_no_request(
    filled: Hub, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    filled.github.requests.clear()
    for path in ("/status", LIVE):
        with django_assert_max_num_queries(7):
            Client().get(path)
    assert filled.github.requests == []


def test_readers_see_neither_name_nor_secret_of_a_token(filled: Hub) -> None:
    GitHubToken.objects.update(name="of Jane Doe")
    text = page()
    assert "Token 1" in text
    assert "of 5,000 requests left this hour" in text
    for secret in ("Jane", TOKEN, TOKEN[-4:], "/admin/hub/githubtoken/"):
        assert secret not in text


def start_page(client: Client) -> str:
    """Return the admin's start page, for a new admin."""
    client.force_login(User.objects.create_superuser("root"))
    return " ".join(client.get("/admin/").content.decode().split())


def test_the_page_is_the_same_for_an_admin(
    filled: Hub, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(User.objects.create_superuser("root"))
    with django_assert_num_queries(7):
        text = page(client)
    assert "Token 1" in text
    assert 'href="/admin/hub/' not in text


def test_an_admin_sees_names_and_links(filled: Hub, client: Client) -> None:
    text = start_page(client)
    token = GitHubToken.objects.get()
    assert f'<a href="/admin/hub/githubtoken/{token.pk}/change/">token</a>' in text
    assert TOKEN[-4:] not in text


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"refusals": 1}, "the next run tries it again"),
        ({"refusals": 3}, "replace it in the admin"),
        ({"refusals": 3, "from_environment": True}, "restart the hub with a new"),
    ],
)
def test_an_admin_gets_advice_about_a_token(
    filled: Hub, client: Client, fields: dict[str, object], advice: str
) -> None:
    GitHubToken.objects.update(state=TokenState.INVALID, **fields)
    assert advice not in page(client)
    assert advice in start_page(client)


def test_an_admin_reads_what_github_answered(filled: Hub, client: Client) -> None:
    words = "Resource protected by organization SAML enforcement."
    filled.github.faults.append(Fault(f.answer(403, {"message": words})))
    run = filled.refresh()
    assert run.reason == Reason.SSO_REQUIRED
    api = ("/api/v1/status", "/api/v1/runs", f"/api/v1/runs/{run.pk}")
    for path in ("/status", *api):
        assert words not in client.get(path).content.decode()
    assert "requires single sign-on" in page(client)
    assert words in start_page(client)
    for path in api:
        assert words in client.get(path).content.decode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": TokenState.INVALID}, "rejected by GitHub"),
        ({"core_reset_at": None, "graphql_reset_at": None}, "not used yet"),
        (
            {"core_remaining": 3, "core_reset_at": timedelta(hours=-1)},
            "REST: <strong>5,000</strong> of 5,000",
        ),
        (
            {"core_remaining": 3, "core_reset_at": timedelta(hours=1)},
            "REST: <strong>3</strong> of 5,000",
        ),
        (
            {"graphql_limit": 5000, "graphql_remaining": 7, "graphql_reset_at": timedelta(hours=1)},
            "GraphQL: <strong>7</strong> of 5,000",
        ),
        (
            {"blocked_until": timedelta(minutes=5)},
            "GitHub asked the hub to wait: requests resume 4",
        ),
    ],
)
def test_states_of_a_token(filled: Hub, fields: dict[str, object], words: str) -> None:
    now = timezone.now()
    GitHubToken.objects.update(
        **{
            name: now + value if isinstance(value, timedelta) else value
            for name, value in fields.items()
        }
    )
    assert words in page()


def test_without_a_token(filled: Hub) -> None:
    GitHubToken.objects.all().delete()
    filled.refresh()
    text = page()
    assert "No token is configured: the hub sends no requests to GitHub" in text
    assert "The contents are stale" in text
    assert "Add one in the admin" not in text


def test_directories_that_were_not_updated_are_listed_with_the_reason(filled: Hub) -> None:
    filled.fill("Redis/new_alert.yaml", "Kafka/new_alert.yaml")
    directory = filled.github.repository.find("main", "contents/Redis")
    assert directory is not None
    filled.github.faults.append(Fault(f.server_error(), match=directory.sha))
    assert filled.refresh().status == RunStatus.PUBLISHED
    row = ExporterContents.objects.exclude(stale="").get()
    text = page()
    assert "Not updated by the last refresh" in text
    assert row.directory == "Redis"
    assert "GitHub responded with a server error" in text
    assert '<a href="/exporters/redis">Redis</a>' in text


def test_missing_beat_is_shown(filled: Hub) -> None:
    PeriodicTask.objects.update(last_run_at=timezone.now() - timedelta(hours=2))
    assert "no task from beat for 2 hours" in page()
    PeriodicTask.objects.update(enabled=False)
    assert "the scheduled refresh is disabled" in page()


def test_progress_of_an_open_run(filled: Hub) -> None:
    run = open_run(RunStatus.LOOKING_UP)
    for name, outcome in (("a", Outcome.FOUND), ("b", Outcome.FAILED), ("c", Outcome.PENDING)):
        run.lookups.create(directory=name, tree_sha=name, outcome=outcome)
    answer = Client().get(LIVE)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert '<progress class="progress__bar" max="3" value="2"' in text
    assert "2 of 3 looked up, 1 failed" in text
    assert 'hx-get="/status/live?seen=" hx-trigger="every 2s"' in page()
    run.lookups.all().delete()
    RefreshRun.objects.filter(pk=run.pk).update(status=RunStatus.FAILED, finished_at=timezone.now())


def test_the_page_stays_live_and_reloads_its_figures_once_for_each_run(filled: Hub) -> None:
    run = RefreshRun.objects.latest("pk").pk
    assert f'hx-get="/status/live?seen={run}" hx-trigger="every 10s"' in page()
    answer = Client().get(LIVE)  # seen while the run was open
    assert answer["HX-Trigger"] == "run-ended"
    assert "Last refresh" in answer.content.decode()
    assert Client().get(f"{LIVE}?seen={run}").status_code == 204


def test_errors_link_to_their_lines(filled: Hub) -> None:
    text = page()
    assert '<a href="#hub.errors">1 error</a>' in text
    url = "/exporters/redis/alerts?file=Redis%2Fbroken_alert.yaml#L5"
    assert f'<a href="{url}"><bdi>broken_alert.yaml</bdi>, line 5</a>' in text
    assert Client().get(url).status_code == 200


def test_an_error_that_an_open_run_no_longer_finds_is_not_listed(filled: Hub) -> None:
    tree = ContentTree.objects.get(pk=ExporterContents.objects.get(directory="Redis").tree_sha)
    ContentTree.objects.filter(pk=tree.pk).update(judgement=tree.judgement | {"findings": []})
    text = page()
    assert "1 error" in text  # the map's, until the run publishes
    assert "broken_alert.yaml" not in text


def test_the_migration_counts_findings_as_a_publication_does(filled: Hub) -> None:
    columns = ("directory", "errors", "warnings", "notes")
    counted = set(ExporterContents.objects.values_list(*columns))
    assert ("Redis", 1, 0, 0) in counted
    ExporterContents.objects.update(errors=None, warnings=None, notes=None)
    migration = import_module("hub.migrations.0067_count_findings_by_directory")
    with connection.cursor() as cursor:
        cursor.execute(migration.COUNT_FINDINGS)
    assert set(ExporterContents.objects.values_list(*columns)) == counted


def test_before_the_first_run(db: None) -> None:
    text = page()
    assert "No refresh has run yet" in text
    assert "None yet. The first refresh starts with the first worker" in text
    assert "contents are unknown" in text
