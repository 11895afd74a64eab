"""The quota of the data folder used up: of Postgres and of Redis, which share it.

The folder is a file system in memory whose size is its quota (`quota.py`); where this process may
not mount one, as it may when it is root's on Linux, these kinds are left out. The logs lie
elsewhere.
"""

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager

import psycopg2

from tests.common.waiting import wait_until
from tests.faults.kinds import POSTGRES_AWAY, kind
from tests.faults.kinds.workers import LOOKUP, PUBLISH_HELD
from tests.faults.quota import may_mount
from tests.faults.stage import Stage

_FULL_FOR = 2.0  # seconds


@contextmanager
def _full(stage: Stage) -> Iterator[None]:
    """Not a page is left, as both servers have noticed, until the block ends."""
    assert stage.quota is not None, "nothing could be mounted over the data folder"
    stage.quota.use_up()
    try:
        wait_until(lambda: _write_fails(stage), "Postgres to be refused a write")
        wait_until(lambda: _redis_is_refused(stage), "Redis to be refused a write")
        yield
    finally:
        stage.quota.lift()
        for server in (stage.postgres, stage.redis):
            if server.process is not None and server.process.poll() is not None:
                server.start()
            server.wait_until_ready()
        stage.execute("DROP TABLE IF EXISTS filler")
        stage.wait_for_consumers()


def _redis_is_refused(stage: Stage) -> bool:
    return bool(stage.broker().info("persistence")["aof_last_write_status"] != "ok")


def _write_fails(stage: Stage) -> bool:
    """Write a few pages; whether Postgres has no room for them, or has crashed for want of it."""
    try:
        stage.execute(
            "CREATE TABLE IF NOT EXISTS filler (page text);"
            " INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 100)"
        )
    except psycopg2.OperationalError:
        return True
    return False


def full_in_lookup(stage: Stage) -> Generator[None]:
    held = stage.github.hold(LOOKUP)
    try:
        stage.writer.change(directories=6)
        stage.tick()
        stage.wait_for_strike(held)
        with _full(stage):
            stage.github.release(held)
            stage.wait(_FULL_FOR)
            yield
    finally:
        stage.github.heal()


def full_in_publish(stage: Stage) -> Generator[None]:
    with ExitStack() as full:
        with stage.locked(PUBLISH_HELD):
            stage.writer.change(directories=6)
            stage.tick()
            stage.wait_for_blocked("hub_servedcontents")
            full.enter_context(_full(stage))
        stage.wait(_FULL_FOR)
        yield


if may_mount():
    for _step, _act in (("lookup", full_in_lookup), ("publish", full_in_publish)):
        kind(f"disk full in {_step}", times=1, allows=POSTGRES_AWAY, stops_housekeeping=True)(_act)
