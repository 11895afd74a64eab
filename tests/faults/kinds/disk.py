"""Disk full: the quota of the data folder, which Postgres and Redis share, is used up.

The folder is an in-memory file system whose size is the quota (`quota.py`). Mounting it needs root
on Linux; without that permission, these kinds are skipped. Logs are stored outside the quota.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import psycopg2

from tests.common.waiting import wait_until
from tests.faults.kinds import LEFT_OUT, POSTGRES_AWAY, kind
from tests.faults.kinds.workers import broken_in_lookup, broken_in_publication
from tests.faults.quota import may_mount
from tests.faults.stage import Stage


@contextmanager
def full(stage: Stage) -> Iterator[None]:
    """Leave no free page inside the block, and wait until both servers have noticed."""
    assert stage.quota is not None, "could not mount a file system over the data folder"
    stage.quota.use_up()
    try:
        wait_until(lambda: _write_fails(stage), "a write to fail in Postgres")
        wait_until(lambda: _redis_write_fails(stage), "a write to fail in Redis")
        yield
    finally:
        stage.quota.lift()
        for server in (stage.postgres, stage.redis):
            if server.process is not None and server.process.poll() is not None:
                server.start()
            server.wait_until_ready()
        stage.execute("DROP TABLE IF EXISTS filler")
        stage.wait_for_consumers()


def _redis_write_fails(stage: Stage) -> bool:
    return bool(stage.broker().info("persistence")["aof_last_write_status"] != "ok")


def _write_fails(stage: Stage) -> bool:
    """Write a few pages and return whether Postgres has no space for them, or has crashed."""
    try:
        stage.execute(
            "CREATE TABLE IF NOT EXISTS filler (page text);"
            " INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 100)"
        )
    except psycopg2.OperationalError:
        return True
    return False


if may_mount():
    for _step, _broken in (("lookup", broken_in_lookup), ("publishing", broken_in_publication)):
        _name = f"disk full during {_step}"
        kind(_name, times=1, allows=POSTGRES_AWAY, stops_housekeeping=True)(
            partial(_broken, broken=full)
        )
else:
    LEFT_OUT.append("disk full: this process may not mount a file system. Run it as root on Linux.")
