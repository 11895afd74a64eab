"""Faults of Postgres: killed or frozen. Web responds with 503 and recovers without a restart."""

import contextlib
from collections.abc import Generator
from contextlib import ExitStack

import psutil
import psycopg2

from tests.common.processes import kill_server
from tests.faults.kinds import POSTGRES_AWAY, POSTGRES_SILENT, kind
from tests.faults.kinds.workers import LOOKUP
from tests.faults.readers import GIVE_UP
from tests.faults.stage import Stage

_OTHERS = "others"
_USED_UP_FOR = 3.0  # seconds


@kind("Postgres killed", times=3, allows=POSTGRES_AWAY, stops_housekeeping=True, short=True)
def killed(stage: Stage) -> Generator[None]:
    held = stage.github.strike("slow", [0.5], LOOKUP, 4)
    stage.writer.change(directories=6)
    stage.tick()
    stage.wait_for_strike(held)
    kill_server(stage.postgres)
    stage.wait(1)
    yield
    stage.postgres.start()


@kind("Postgres backend killed", times=2, allows=POSTGRES_AWAY, stops_housekeeping=True)
def backend_killed(stage: Stage) -> Generator[None]:
    """Postgres then closes all sessions and recovers."""
    held = stage.github.strike("slow", [0.5], LOOKUP, 4)
    stage.writer.change(directories=6)
    stage.tick()
    stage.wait_for_strike(held)
    backends = stage.query(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
        " AND pid <> pg_backend_pid() LIMIT 1"
    )
    psutil.Process(backends[0][0]).kill()
    stage.postgres.wait_until_ready()
    yield


@kind("Postgres frozen", times=1, allows=POSTGRES_SILENT, stops_housekeeping=True)
def frozen(stage: Stage) -> Generator[None]:
    stage.writer.change(directories=6)
    stage.tick()
    with stage.frozen_server(stage.postgres):
        stage.wait(GIVE_UP + 1)
        yield


@kind("Postgres' connections used up", times=3, allows=POSTGRES_AWAY, stops_housekeeping=True)
def connections_used_up(stage: Stage) -> Generator[None]:
    """Others use all connections, also those that the hub had."""
    with ExitStack() as others:
        _use_all_connections(stage, others)
        stage.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND application_name <> %s"
            " AND pid <> pg_backend_pid()",
            [_OTHERS],
        )
        _use_all_connections(stage, others)
        stage.writer.change(directories=6)
        stage.tick()
        stage.wait(_USED_UP_FOR)
        yield


def _use_all_connections(stage: Stage, others: ExitStack) -> None:
    with contextlib.suppress(psycopg2.OperationalError):
        while True:
            connection = psycopg2.connect(stage.postgres.url, application_name=_OTHERS)
            others.callback(connection.close)
