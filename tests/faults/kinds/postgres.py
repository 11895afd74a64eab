"""Faults of Postgres: killed or frozen. Web responds with 503 and recovers without a restart."""

from collections.abc import Generator

import psutil

from tests.common.processes import kill_server
from tests.faults.kinds import POSTGRES_AWAY, POSTGRES_SILENT, kind
from tests.faults.kinds.workers import LOOKUP
from tests.faults.readers import GIVE_UP
from tests.faults.stage import Stage


@kind("Postgres killed", times=4, allows=POSTGRES_AWAY, stops_housekeeping=True, short=True)
def killed(stage: Stage) -> Generator[None]:
    held = stage.github.strike("slow", [0.5], LOOKUP, 4)
    stage.writer.change(directories=6)
    stage.tick()
    stage.wait_for_strike(held)
    kill_server(stage.postgres)
    stage.wait(1)
    yield
    stage.postgres.start()


@kind("Postgres backend killed", times=3, allows=POSTGRES_AWAY, stops_housekeeping=True)
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
