"""GitHub at its worst."""

from collections.abc import Generator

from tests.faults.kinds import kind
from tests.faults.kinds.workers import LOOKUP
from tests.faults.stage import Stage


@kind("GitHub: 5xx in bursts", times=14, short=True)
def server_errors(stage: Stage) -> Generator[None]:
    before = stage.newest_run()
    burst = stage.github.strike("server_error", [502], LOOKUP, 12)
    stage.writer.change(directories=5)
    stage.tick()
    stage.wait_for_strike(burst)
    stage.wait_for_end(before)
    yield
    stage.github.heal()
