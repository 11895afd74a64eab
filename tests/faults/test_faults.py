"""A fault of each sort, and defects that the checker has to find; `make faults` injects them all.

One stage serves both: the defects are planted and weeded out while it runs.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.faults.kinds import all_kinds
from tests.faults.planted import PLANTS, texts_of
from tests.faults.runner import on_stage, programme
from tests.faults.stage import Stage

_BREATH = 0.05  # seconds
# Readers may just miss what a defect serves before the next publication replaces it.
_TRIES = 3


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """All parts, with runs that have three seconds."""
    with Stage(deadline=3, plantable=True) as stage:
        yield stage


def test_readers_notice_no_fault(stage: Stage) -> None:
    with on_stage(stage, breath=_BREATH) as suite:
        for kind in programme(all_kinds(), seed=1, short=True):
            suite.inject(kind)
        suite.look()
    assert not suite.findings


@pytest.mark.parametrize("name", PLANTS)
def test_the_checker_finds(name: str, stage: Stage) -> None:
    plant = PLANTS[name]
    assert texts_of(plant) or plant.acks_early
    kind = all_kinds()[plant.exposed_by]
    assert kind.short, "so that the test above says that without the defect there is nothing"
    stage.begin_anew()
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
    assert all(worker.runs for worker in stage.workers), "the next fault would meet half a hub"
