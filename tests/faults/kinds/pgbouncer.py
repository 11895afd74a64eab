"""Faults while all parts of the hub reach Postgres through pgbouncer in transaction mode."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

from hub.ops.local.ports import free_port
from tests.common.pgbouncer import Pgbouncer, find_pgbouncer
from tests.common.processes import kill_server
from tests.faults.kinds import LEFT_OUT, POSTGRES_AWAY, kind
from tests.faults.kinds.workers import LOOKUP, lookups_held
from tests.faults.stage import Stage

_POOL_SIZE = 30  # connections; lookups that are held in a transaction keep one each
_AWAY = 1.0  # seconds


@contextmanager
def _through_pgbouncer(stage: Stage) -> Iterator[Pgbouncer]:
    """Put pgbouncer between the hub and Postgres inside the block.

    No run is open at its start. Requests that Postgres is answering at its start and end fail.
    """
    port = free_port()
    with Pgbouncer(stage.folder, stage.postgres.url, port, pool_size=_POOL_SIZE) as pgbouncer:
        stage.wait_for_rest()
        stage.proxies.aim("postgres", port)
        try:
            yield pgbouncer
        finally:
            stage.proxies.aim("postgres", stage.postgres.port)


def _start_lookups(stage: Stage) -> None:
    held = stage.github.strike("slow", [0.5], LOOKUP, 4)
    stage.writer.change(directories=6)
    stage.tick()
    stage.wait_for_strike(held)


def postgres_killed(stage: Stage) -> Generator[None]:
    with _through_pgbouncer(stage):
        _start_lookups(stage)
        kill_server(stage.postgres)
        stage.wait(_AWAY)
        stage.postgres.start()
        yield from _published(stage)


def pgbouncer_killed(stage: Stage) -> Generator[None]:
    with _through_pgbouncer(stage) as pgbouncer:
        _start_lookups(stage)
        pgbouncer.kill()
        stage.wait(_AWAY)
        pgbouncer.start()
        yield from _published(stage)


def worker_killed(stage: Stage) -> Generator[None]:
    with _through_pgbouncer(stage):
        with lookups_held(stage) as run:
            victim = stage.worker_at("lookup_directory")
            victim.kill()
        stage.restart(victim.name)
        stage.wait_for_end(run - 1)
        yield from _published(stage)


def _published(stage: Stage) -> Generator[None]:
    """Wait until a commit is published through pgbouncer, which is then removed."""
    with stage.writer.quiet():
        stage.wait_for_complete(stage.writer.renew(4))
    yield


if find_pgbouncer():
    for _name, _act in (
        ("Postgres killed behind pgbouncer", postgres_killed),
        ("pgbouncer killed during lookup", pgbouncer_killed),
        ("worker killed during lookup, behind pgbouncer", worker_killed),
    ):
        kind(_name, times=2, allows=POSTGRES_AWAY, stops_housekeeping=True)(_act)
else:
    LEFT_OUT.append("pgbouncer: it is not installed. Install it with: sudo apt install pgbouncer")
