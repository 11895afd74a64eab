"""One fault of each short kind, and some planted defects that the checker must find.

`make faults` injects all kinds and plants all defects. The tests share a stage; defects are planted
and removed while it runs.
"""

from collections.abc import Iterator

import pytest

from tests.faults.kinds import all_kinds
from tests.faults.planted import PLANTS, texts_of
from tests.faults.planting import STAGE, find
from tests.faults.runner import on_stage, plan
from tests.faults.stage import Stage

_BREATH = 0.2  # seconds; `make faults` reads twenty times as often


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A running hub whose runs have a deadline of three seconds."""
    with Stage(**STAGE) as stage:
        yield stage


def test_readers_notice_no_fault(stage: Stage) -> None:
    with on_stage(stage, breath=_BREATH) as suite:
        for kind in plan(all_kinds(), seed=1, short=True):
            suite.inject(kind)
        suite.check()
    assert not suite.findings


# One that is noticed by what is served, one by what is stored, one by what GitHub sent.
@pytest.mark.parametrize(
    "name",
    ["no fencing", "publish without transaction", "text from GraphQL is not verified"],
)
def test_the_checker_finds(name: str, stage: Stage) -> None:
    found, seen = find(name, stage)
    assert found, seen


@pytest.mark.parametrize("name", PLANTS)
def test_a_defect_can_be_planted(name: str) -> None:
    plant = PLANTS[name]
    assert texts_of(plant) or plant.acks_early
    kind = all_kinds()[plant.exposed_by]
    assert kind.short, "test_readers_notice_no_fault must show that the kind alone is no finding"
