"""The checker is proven: it finds each planted defect, and nothing where none is planted.

(That the same faults without a defect leave nothing to find is what `test_short.py` says.)
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.faults.kinds import all_kinds
from tests.faults.planted import PLANTS
from tests.faults.runner import on_stage
from tests.faults.stage import Stage

_WITHIN = 7.0  # seconds; a defect that lets the hub hang need not be waited for longer


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One for all: defects are planted and weeded out while it runs."""
    with Stage(deadline=3, plantable=True) as stage:
        yield stage


@pytest.mark.parametrize("name", PLANTS)
def test_the_checker_finds(name: str, stage: Stage) -> None:
    plant = PLANTS[name]
    kind = all_kinds()[plant.exposed_by]
    stage.begin_anew()
    with on_stage(stage, breath=0.05) as suite:
        stage.plant(name)
        try:
            injection = suite.inject(replace(kind, within=_WITHIN))
        finally:
            stage.plant("")
    found = [f for f in injection.findings if f.verdict == plant.verdict and plant.says in f.what]
    assert found, injection.findings


def test_each_defect_has_a_fault_that_is_injected_without_it_too() -> None:
    kinds = all_kinds()
    assert all(kinds[plant.exposed_by].short for plant in PLANTS.values())
