"""Lost messages with the default deadline of a run and the default interval of housekeeping.

The other kinds shorten both, so that overdue runs end early. Here housekeeping has to send the
messages again: the run publishes within a minute.
"""

from collections.abc import Generator

from tests.faults.kinds import kind
from tests.faults.kinds.workers import ROOT_TREE, lookups_held
from tests.faults.stage import DEFAULT_DEADLINE, Stage

_HELD = 3.0  # seconds that GitHub holds a request; longer than the hub's read timeout
_WITHIN = 60.0  # seconds


def _wait_until_published(stage: Stage, run: int) -> None:
    status = stage.wait_for_end(run - 1, seconds=_WITHIN)
    assert status == "published", f"run {run} has ended as {status}"


@kind("worker killed during listing, default deadline", times=1, within=_WITHIN)
def killed_in_list(stage: Stage) -> Generator[None]:
    with stage.default_recovery(), stage.writer.quiet():
        stage.wait_for_rest()
        before = stage.newest_run()
        held = stage.github.strike("slow", [_HELD], ROOT_TREE, 1)
        stage.writer.change(directories=4)
        stage.tick()
        stage.wait_for_strike(held)
        run = stage.wait_for_status(before, "listing")
        stage.postpone_deadline(run, DEFAULT_DEADLINE)
        victim = stage.worker_at("list_directories")
        victim.kill()
        stage.restart(victim.name)
        yield
        _wait_until_published(stage, run)


@kind("Redis emptied during lookup, default deadline", times=1, within=_WITHIN)
def emptied(stage: Stage) -> Generator[None]:
    with stage.default_recovery(), stage.writer.quiet():
        stage.wait_for_rest()
        with lookups_held(stage) as run:
            stage.postpone_deadline(run, DEFAULT_DEADLINE)
            stage.broker().flushall()
        yield
        _wait_until_published(stage, run)
