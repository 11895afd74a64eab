"""Facts runs with real workers: stored facts, number of requests, failures."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from config.celery import app
from hub.catalogue.apply_import import apply_import, plan_import
from hub.demo.fake_github import Fault, OtherRepository
from hub.demo.fake_github import faults as f
from hub.demo.fake_github.repository import of_file
from hub.facts import runs
from hub.github.tokens import adopt_environment_token
from hub.management.commands.importcatalogue import SAMPLE
from hub.models import (
    Category,
    Exporter,
    FactsETag,
    FactsLookup,
    FactsRun,
    GitHubToken,
    Outcome,
    Readme,
    Reason,
    RunStatus,
    RunTrigger,
)
from tests.common.waiting import wait_until
from tests.conftest import TOKEN, Hub


def repository(name: str = "tests/redis", **fields: object) -> OtherRepository:
    released = {"tag": "v1.0.0", "published_at": "2026-02-01T10:00:00Z", "body": "First."}
    given: dict[str, object] = {
        "description": "Metrics of Redis",
        "stars": 12,
        "readme": b"# Redis\n",
        "releases": [released],
    }
    return OtherRepository(name, **(given | fields))  # type: ignore[arg-type]


def exporter(name: str = "redis", **fields: object) -> Exporter:
    category, _ = Category.objects.get_or_create(name="Database")
    given = {
        "slug": name,
        "title": name.title(),
        "repository": f"https://github.com/tests/{name}",
        "category": category,
    }
    return Exporter.objects.create(**(given | fields))


@pytest.fixture
def redis(hub: Hub) -> Exporter:
    hub.add_token()
    hub.github.add_other(repository())
    return exporter()


def asked(hub: Hub) -> list[tuple[str, int]]:
    """Return the requests to the fake GitHub since the last call, with their statuses."""
    requests = [(request.path, request.status) for request in hub.github.requests]
    hub.github.requests.clear()
    return requests


def again(redis: Exporter) -> Exporter:
    redis.refresh_from_db()
    return redis


def test_facts_are_stored_and_a_second_run_is_free(hub: Hub, redis: Exporter) -> None:
    run = hub.refresh_facts()
    assert (run.status, run.reason) == (RunStatus.PUBLISHED, "")
    again(redis)
    assert (redis.stars, redis.archived, redis.default_branch) == (12, False, "main")
    assert redis.description == "Metrics of Redis"
    assert (redis.readme.path, redis.readme.text) == ("README.md", "# Redis\n")
    assert redis.last_release_at == datetime(2026, 2, 1, 10, tzinfo=UTC)
    release = redis.releases.get()
    assert (release.tag, release.body, release.prerelease) == ("v1.0.0", "First.", False)
    assert redis.facts_problem == ""
    assert asked(hub) == [
        ("/repos/tests/redis", 200),
        ("/repos/tests/redis/readme", 200),
        ("/repos/tests/redis/releases?per_page=30", 200),
    ]
    left = hub.github.limits[TOKEN].as_json()["remaining"]
    before = redis.facts_at
    assert hub.refresh_facts().status == RunStatus.UNCHANGED
    assert [status for _, status in asked(hub)] == [304, 304, 304]
    assert hub.github.limits[TOKEN].as_json()["remaining"] == left
    assert again(redis).facts_at > before
    lookup = FactsLookup.objects.latest("pk")
    assert (lookup.outcome, lookup.changed, lookup.requests) == (Outcome.FOUND, False, 3)


def test_upstream_changes_are_stored(hub: Hub, redis: Exporter) -> None:
    hub.refresh_facts()
    hub.github.add_other(
        repository(
            stars=13,
            archived=True,
            description="other words",
            readme=b"# New\n",
            releases=[
                {"tag": "v3", "published_at": "2026-05-01T00:00:00Z", "draft": True},
                {"tag": "v2-rc1", "published_at": "2026-04-01T00:00:00Z", "prerelease": True},
                {"tag": "v1.5", "published_at": "2026-03-01T00:00:00Z", "name": "Fast"},
            ],
        )
    )
    assert hub.refresh_facts().status == RunStatus.PUBLISHED
    again(redis)
    assert (redis.stars, redis.archived, redis.readme.text) == (13, True, "# New\n")
    assert redis.description == "Metrics of Redis", "the catalogue's own words stay"
    assert [(r.tag, r.prerelease) for r in redis.releases.all()] == [
        ("v2-rc1", True),
        ("v1.5", False),
    ]
    assert redis.last_release_at == datetime(2026, 4, 1, tzinfo=UTC)


def test_a_repository_without_readme_and_releases_is_no_failure(hub: Hub, redis: Exporter) -> None:
    hub.refresh_facts()
    hub.github.add_other(repository(readme=None, releases=[]))
    assert (run := hub.refresh_facts()).status == RunStatus.PUBLISHED
    again(redis)
    assert (redis.facts_problem, redis.last_release_at) == ("", None)
    assert not Readme.objects.exists()
    assert not redis.releases.exists()
    assert run.lookups.get().requests == 3
    assert hub.refresh_facts().status == RunStatus.UNCHANGED


def test_a_renamed_repository(hub: Hub, redis: Exporter) -> None:
    hub.github.others = {}
    hub.github.add_other(repository("New/valkey", renamed_from=["tests/redis"]))
    run = hub.refresh_facts()
    assert again(redis).renamed_to == "https://github.com/New/valkey"
    assert redis.readme.text == "# Redis\n"
    # The redirect and the repository, and once more for its name.
    assert [status for _, status in asked(hub)] == [301, 200, 200, 200, 200]
    assert run.lookups.get().requests == 5
    assert hub.refresh_facts().status == RunStatus.UNCHANGED
    assert [status for _, status in asked(hub)] == [304, 304, 304], "without a redirect"


def test_a_failure_keeps_the_facts_and_stores_the_reason(hub: Hub, redis: Exporter) -> None:
    hub.refresh_facts()
    before = again(redis).facts_at
    for fault, match, reason, outcome in (
        (f.server_error(), "/releases", Reason.SERVER_FAULT, Outcome.FAILED),
        (f.answer(200, {"no": "list"}), "/releases", Reason.BAD_ANSWER, Outcome.FAILED),
        (f.answer(200, {"no": "readme"}), "/readme", Reason.BAD_ANSWER, Outcome.FAILED),
        (f.reset, "/repos", Reason.UNREACHABLE, Outcome.FAILED),
        (f.answer(404, {}), "/repos", Reason.NOT_FOUND, Outcome.MISSING),
    ):
        hub.github.faults = [Fault(fault, match=match)]
        run = hub.refresh_facts()
        assert (run.status, run.reason) == (RunStatus.FAILED, reason)
        assert run.lookups.get().outcome == outcome
        again(redis)
        assert (redis.facts_problem, redis.facts_at, redis.stars) == (reason, before, 12)
        assert redis.readme.text == "# Redis\n"
        assert redis.releases.count() == 1
    hub.github.faults = []
    hub.refresh_facts()
    assert (again(redis).facts_problem, redis.facts_at > before) == ("", True)


def test_parts_fetched_before_a_fault_are_stored(hub: Hub, redis: Exporter) -> None:
    hub.github.faults = [Fault(f.server_error(), match="/releases")]
    hub.refresh_facts()
    again(redis)
    assert (redis.stars, redis.readme.text) == (12, "# Redis\n")
    assert (redis.facts_at, redis.facts_problem) == (None, Reason.SERVER_FAULT)
    hub.github.faults = []
    asked(hub)
    hub.refresh_facts()
    assert [status for _, status in asked(hub)] == [304, 304, 200]
    assert again(redis).releases.count() == 1


def test_without_a_token_no_request_is_sent(hub: Hub) -> None:
    redis = exporter(stars=5)
    run = hub.refresh_facts()
    assert (run.status, run.reason) == (RunStatus.NO_TOKEN, Reason.NO_TOKEN)
    assert asked(hub) == []
    assert not run.lookups.exists()
    assert (again(redis).facts_problem, redis.stars) == (Reason.NO_TOKEN, 5)
    hub.add_token("ghp_of_somebody_else_0123")
    hub.github.add_other(repository())
    for _ in range(3):  # each run asks once: GitHub sends stray 401s
        run = hub.refresh_facts()
        assert (run.status, run.reason) == (RunStatus.FAILED, Reason.TOKEN_REFUSED)
    asked_before = len(hub.github.requests)
    assert hub.refresh_facts().status == RunStatus.NO_TOKEN
    assert len(hub.github.requests) == asked_before


def test_a_new_token_fills_a_catalogue_without_facts(hub: Hub) -> None:
    redis = exporter()
    hub.github.add_other(repository())
    GitHubToken.objects.create(name="new", secret=TOKEN)
    ended = FactsRun.objects.filter(finished_at__isnull=False)
    run = wait_until(ended.first, "the facts run to end")
    assert (run.trigger, run.status) == (RunTrigger.TOKEN, RunStatus.PUBLISHED)
    assert again(redis).stars == 12
    assert runs.start_facts_run_for(Exporter.objects.without_facts(), RunTrigger.STARTUP) is None


@pytest.mark.django_db
def test_the_facts_of_the_demo_are_fetched_again_after_another_token(settings: Any) -> None:
    settings.GITHUB_TOKEN = "demo_token_of_the_fake_github"
    adopt_environment_token()
    invented = exporter(stars=999, facts_at=timezone.now())
    adopt_environment_token()
    assert invented not in Exporter.objects.without_facts()
    settings.GITHUB_TOKEN = TOKEN
    adopt_environment_token()
    assert invented in Exporter.objects.without_facts()


def test_an_empty_catalogue_starts_no_run_and_a_manual_run_ends_at_once(hub: Hub) -> None:
    hub.add_token()
    assert runs.start_facts_run_for(Exporter.objects.without_facts(), RunTrigger.STARTUP) is None
    assert hub.refresh_facts().status == RunStatus.UNCHANGED


def test_one_run_is_open_at_a_time(hub: Hub, redis: Exporter) -> None:
    hub.github.latency = 0.5
    first, _ = runs.start_facts_run(RunTrigger.SCHEDULE)
    assert runs.start_facts_run(RunTrigger.ADMIN, chosen=[redis.pk]) == (first, False)
    wait_until(lambda: not FactsRun.objects.open().exists(), "the run to end")
    assert FactsRun.objects.count() == 1


def test_only_the_chosen_exporters_are_looked_up(hub: Hub, redis: Exporter) -> None:
    exporter("kafka")
    run = hub.refresh_facts(chosen=[redis.pk])
    assert run.lookups.get().exporter == redis
    assert {path.split("/")[3].partition("?")[0] for path, _ in asked(hub)} == {"redis"}


def test_a_second_delivery_changes_nothing(hub: Hub, redis: Exporter) -> None:
    run = hub.refresh_facts()
    asked(hub)
    facts_at = again(redis).facts_at
    runs.begin_facts_run(run.pk)
    runs.finish_facts_run(run.pk)
    looked_up = app.send_task("tasks.facts.lookup_facts", args=[run.pk, redis.pk]).get(timeout=20)
    assert looked_up == {"exporter_id": redis.pk, "outcome": Outcome.FOUND, "reason": ""}
    assert asked(hub) == []
    assert again(redis).facts_at == facts_at
    assert FactsRun.objects.get().finished_at == run.finished_at


def test_housekeeping_ends_overdue_runs_and_resends_lost_ones(hub: Hub, redis: Exporter) -> None:
    now = timezone.now()
    Exporter.objects.update(facts_at=now)  # or housekeeping would look it up
    run = FactsRun.objects.create(
        trigger=RunTrigger.SCHEDULE, status=RunStatus.LOOKING_UP, deadline=now - timedelta(1)
    )
    FactsLookup.objects.create(run=run, exporter=redis)
    app.send_task("tasks.housekeeping.housekeeping")
    wait_until(lambda: not FactsRun.objects.open().exists(), "the run to be closed")
    run.refresh_from_db()
    assert (run.status, run.reason) == (RunStatus.FAILED, Reason.DEADLINE)
    assert again(redis).facts_problem == Reason.DEADLINE
    lost = FactsRun.objects.create(
        trigger=RunTrigger.SCHEDULE,
        progress_at=now - timedelta(minutes=1),
        deadline=now + timedelta(minutes=5),
    )
    app.send_task("tasks.housekeeping.housekeeping")
    wait_until(lambda: not FactsRun.objects.open().exists(), "the lost run to end")
    lost.refresh_from_db()
    assert lost.status == RunStatus.PUBLISHED


def test_housekeeping_looks_up_new_exporters(hub: Hub, redis: Exporter) -> None:
    hub.refresh_facts()
    apply_import(
        plan_import(
            b"title,repository,category\n"
            b"Kafka,https://github.com/tests/kafka,Database\n"
            b"Redis,https://github.com/tests/valkey,Database\n"
        )
    )
    hub.github.add_other(repository("tests/valkey", stars=3))  # there is no repository for Kafka
    asked(hub)
    for _ in range(2):
        runs.facts_housekeeping()
        wait_until(lambda: not FactsRun.objects.open().exists(), "the run to end")
    kafka = Exporter.objects.get(slug="kafka")
    assert (kafka.facts_at, kafka.facts_problem) == (None, Reason.NOT_FOUND)
    assert again(redis).stars == 3
    assert len(asked(hub)) == 4, "what failed once waits for the next day"


def test_an_exporter_that_changes_during_its_lookup(hub: Hub, redis: Exporter) -> None:
    kafka = exporter("kafka")
    hub.github.add_other(repository("tests/kafka"))
    hub.github.faults = [Fault(f.slow(0.7), match="/releases")]
    run, _ = runs.start_facts_run(RunTrigger.COMMAND)
    wait_until(lambda: len(hub.github.requests) >= 4, "both to be asked for")
    Exporter.objects.filter(pk=redis.pk).update(repository="https://github.com/tests/valkey")
    kafka.delete()
    wait_until(lambda: not FactsRun.objects.open().exists(), "the run to end")
    assert again(redis).stars is None, "what was told is of the former repository"
    assert run.lookups.count() == 1


def test_etags_of_two_tokens_never_hide_a_change(hub: Hub, redis: Exporter) -> None:
    """A 304 refers to what this token last received, not to what another has fetched since."""
    other = "ghp_" + "other0secret" * 3
    hub.github.add_token(other)
    hub.refresh_facts()
    first = GitHubToken.objects.get()
    second = hub.add_token(other, name="second")
    GitHubToken.objects.filter(pk=first.pk).update(
        core_remaining=0, core_reset_at=timezone.now() + timedelta(hours=1)
    )
    hub.github.add_other(repository(stars=13))
    hub.refresh_facts()
    assert again(redis).stars == 13
    kept = FactsETag.objects.filter(token=first).values_list("part", flat=True)
    assert set(kept) == {"readme", "releases"}
    GitHubToken.objects.filter(pk=first.pk).update(core_remaining=None, core_reset_at=None)
    second.delete()
    hub.github.add_other(repository())
    hub.refresh_facts()
    assert again(redis).stars == 12


def test_an_admin_refreshes_the_facts_of_chosen_exporters(hub: Hub, redis: Exporter) -> None:
    user = User.objects.create_user("staff", is_staff=True)
    client = Client()
    client.force_login(user)
    action = {"action": "refresh_facts", "_selected_action": [redis.pk]}
    view = Permission.objects.get(codename="view_exporter")
    user.user_permissions.set([view])
    assert "Refresh facts now" not in client.get("/admin/hub/exporter/").content.decode()
    client.post("/admin/hub/exporter/", action)
    assert not FactsRun.objects.exists()
    may = Permission.objects.filter(
        codename__in=["add_factsrun", "view_factsrun", "view_factslookup"]
    )
    user.user_permissions.set([view, *may])
    page = client.post("/admin/hub/exporter/", action, follow=True).content.decode()
    assert "Fetching facts" in page
    run = wait_until(FactsRun.objects.filter(finished_at__isnull=False).first, "the run to end")
    assert (run.requested_by, run.chosen) == (user, [redis.pk])
    detail = client.get(f"/admin/hub/factsrun/{run.pk}/change/").content.decode()
    assert "Redis" in detail
    assert client.get("/admin/hub/factsrun/").status_code == 200


def test_the_whole_sample(hub: Hub) -> None:
    """The demo takes three requests per exporter, and no counted request the next day."""
    hub.add_token()
    for other in of_file(SAMPLE.parent / "repositories.json"):
        hub.github.add_other(other)
    apply_import(plan_import(SAMPLE.read_bytes()))
    run = hub.refresh_facts()
    failed = run.lookups.exclude(outcome=Outcome.FOUND)
    assert not failed.exists(), list(failed.values_list("exporter__slug", "detail"))
    assert run.status == RunStatus.PUBLISHED
    exporters = Exporter.objects.all()
    assert not exporters.filter(stars=None).exists()
    assert Readme.objects.count() >= 12
    assert exporters.filter(archived=True).exists()
    assert exporters.exclude(renamed_to="").exists()
    assert exporters.filter(last_release_at=None).exists()
    renamed = exporters.exclude(renamed_to="").count()
    first = asked(hub)
    assert len(first) == 3 * exporters.count() + 2 * renamed  # the redirect, and the new name
    assert sum(run.lookups.values_list("requests", flat=True)) == len(first)
    left = hub.github.limits[TOKEN].as_json()["remaining"]
    assert hub.refresh_facts().status == RunStatus.UNCHANGED
    counted = [status for _, status in asked(hub) if status != 304]
    assert counted == [404] * (exporters.count() - Readme.objects.count())
    spent = left - hub.github.limits[TOKEN].as_json()["remaining"]
    assert spent == len(counted)
