"""One fault of each short kind, and planted defects that the checker must find.

`make faults` injects all kinds. The tests share a stage; defects are planted and removed while it
runs.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.faults.kinds import all_kinds
from tests.faults.planted import PLANTS, texts_of
from tests.faults.runner import on_stage, plan
from tests.faults.stage import Stage

_BREATH = 0.05  # seconds
# Readers may miss the effect of a defect, because the next publication replaces it.
_TRIES = 3


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A running hub whose runs have a deadline of three seconds."""
    with Stage(deadline=3, plantable=True) as stage:
        yield stage


def test_readers_notice_no_fault(stage: Stage) -> None:
    with on_stage(stage, breath=_BREATH) as suite:
        for kind in plan(all_kinds(), seed=1, short=True):
            suite.inject(kind)
        suite.check()
    assert not suite.findings


@pytest.mark.parametrize("name", PLANTS)
def test_the_checker_finds(name: str, stage: Stage) -> None:
    plant = PLANTS[name]
    assert texts_of(plant) or plant.acks_early
    kind = all_kinds()[plant.exposed_by]
    assert kind.short, "the test above must show that the kind alone causes no finding"
    stage.reset_hub()
    with on_stage(stage, breath=_BREATH) as suite:
        stage.plant(name)
        try:
            for _ in range(_TRIES):
                injection = suite.inject(replace(kind, within=plant.within))
                found = [
                    f
                    for f in injection.findings
                    if f.verdict == plant.verdict and re.search(plant.says, f.what)
                ]
                if found:
                    break
        finally:
            stage.plant("")
    assert found, injection.findings
    assert all(worker.runs for worker in stage.workers), "the next fault needs both workers"
