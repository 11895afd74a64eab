"""A run whose lister was killed before Postgres had what it had listed."""

import pytest
from django.test import Client
from django.utils import timezone

from hub.content.refresh import publish
from hub.content.refresh.tree_store import forget_tree
from hub.demo.fake_github import Repository
from hub.models import Reason, RefreshRun, RunStatus, RunTrigger, Snapshot, TreeListing
from tests.conftest import Hub


@pytest.fixture
def run(hub: Hub) -> RefreshRun:
    """It looks up what the map has already; nobody remembers its listing."""
    hub.add_token()
    hub.fill("Redis/redis_alert.yaml", "Kafka/kafka_alert.yaml")
    hub.refresh()
    newest = Snapshot.objects.latest("pk")
    forget_tree(newest.contents_sha)
    hub.github.requests.clear()
    now = timezone.now()
    return RefreshRun.objects.create(
        source=newest.source,
        trigger=RunTrigger.COMMAND,
        status=RunStatus.LOOKING_UP,
        started_at=now,
        listed_at=now,
        deadline=now + timezone.timedelta(minutes=1),
        root_sha=newest.root_sha,
        contents_sha=newest.contents_sha,
    )


def test_the_listing_is_asked_for_again(hub: Hub, run: RefreshRun) -> None:
    publish.publish(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.PUBLISHED
    asked = [request.path for request in hub.github.requests]
    assert [path.rpartition("/")[2] for path in asked] == [run.contents_sha]
    assert TreeListing.objects.filter(pk=run.contents_sha).exists()
    body = Client().get("/api/v1/contents").json()
    assert (body["state"], body["run"]) == ("fresh", run.pk)
    assert sorted(body["contents"]) == ["Kafka", "Redis"]


def test_without_it_the_run_has_failed_and_the_map_stays(hub: Hub, run: RefreshRun) -> None:
    hub.github.repository = Repository()
    publish.publish(run.pk)
    run.refresh_from_db()
    assert (run.status, run.reason) == (RunStatus.FAILED, Reason.EMPTY_REPOSITORY)
    body = Client().get("/api/v1/contents").json()
    assert (body["state"], body["reason"]) == ("stale", Reason.EMPTY_REPOSITORY)
    assert sorted(body["contents"]) == ["Kafka", "Redis"]
