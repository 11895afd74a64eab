"""Faults of the fake GitHub's process: killed or frozen."""

from collections.abc import Generator

from tests.faults.kinds import kind
from tests.faults.kinds.workers import LOOKUP
from tests.faults.stage import READ_TIMEOUT, Stage


@kind("GitHub killed", times=4, short=True)
def killed(stage: Stage) -> Generator[None]:
    before = stage.newest_run()
    held = stage.github.strike("slow", [0.5], LOOKUP, 4)
    stage.writer.change(directories=6)
    stage.tick()
    stage.wait_for_strike(held)
    stage.parts["github"].kill()
    stage.writer.hidden()
    stage.wait_for_end(before)
    for _ in range(2):  # two runs whose listing fails; the map's time is in whole seconds
        stage.wait_for_end(stage.newest_run())
    yield
    stage.restart("github")


@kind("GitHub frozen", times=3)
def frozen(stage: Stage) -> Generator[None]:
    held = stage.github.strike("slow", [0.5], LOOKUP, 4)
    stage.writer.change(directories=6)
    stage.tick()
    stage.wait_for_strike(held)
    with stage.parts["github"].frozen():
        stage.wait(3 * READ_TIMEOUT)
        yield
