"""A process that is frozen in a transaction: its locks are freed, and readers wait for none."""

import gzip
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from hub.github.source import configured_source
from hub.models import RefreshRun, RunStatus, RunTrigger, ServedContents, ServedState
from hub.runs.transactions import short_transaction
from tests.common.processes import database_url


@pytest.fixture
def other(transactional_db: None) -> Iterator[Any]:
    """A cursor of another process, as far as Postgres can tell."""
    elsewhere = psycopg2.connect(database_url())
    try:
        yield elsewhere.cursor()
    finally:
        elsewhere.close()


def test_postgres_gives_the_lock_of_a_silent_process_to_whoever_waits(
    other: Any, settings: Any
) -> None:
    settings.RUN_DEADLINE = timedelta(seconds=0.3)
    run = RefreshRun.objects.create(
        source=configured_source().key,
        trigger=RunTrigger.COMMAND,
        status=RunStatus.FAILED,
        deadline=timezone.now(),
        finished_at=timezone.now(),
    )

    def fall_silent() -> None:
        with short_transaction():
            RefreshRun.objects.filter(pk=run.pk).update(detail="of the silent process")
            # From here on it says nothing: this waits for its lock, and gets it.
            other.execute("SELECT detail FROM hub_refreshrun WHERE id = %s FOR UPDATE", [run.pk])
            run.refresh_from_db()

    with pytest.raises(DatabaseError):
        fall_silent()
    connection.close()
    assert other.fetchone() == ("",)


def test_a_reader_does_not_wait_for_whoever_publishes(other: Any, client: Client) -> None:
    client.get("/api/v1/contents")  # makes the row
    ServedContents.objects.update(
        state=ServedState.FRESH,
        fresh_until=timezone.now() - timedelta(seconds=1),
        body_gzip=gzip.compress(b"{}"),
        rendered_at=timezone.now(),
    )
    other.execute("SELECT 1 FROM hub_servedcontents FOR UPDATE")
    assert client.get("/api/v1/contents").json()["reason"] == "overdue"
