"""Faults of beat: killed, frozen, or running twice."""

from collections.abc import Generator

from tests.faults.kinds import kind
from tests.faults.stage import Stage


@kind("beat killed", times=3, stops_housekeeping=True)
def killed(stage: Stage) -> Generator[None]:
    stage.parts["beat"].kill()
    stage.wait(2)
    yield
    stage.restart("beat")


@kind("beat frozen", times=1, stops_housekeeping=True)
def frozen(stage: Stage) -> Generator[None]:
    with stage.parts["beat"].frozen():
        # Longer than the map may report itself as fresh.
        stage.wait(stage.deadline + 4)
        yield


@kind("two beat processes", times=2)
def two(stage: Stage) -> Generator[None]:
    before = stage.newest_run()
    second = stage.make_beat("second beat")
    second.start()
    try:
        second.wait()
        stage.wait_for_end(before)
        stage.wait(2)  # both send tasks a few times
        yield
    finally:
        second.stop()
