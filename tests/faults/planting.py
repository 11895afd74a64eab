"""Plant defects into a running hub, and tell whether the checker finds them."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.faults.findings import Finding
from tests.faults.kinds import all_kinds
from tests.faults.planted import PLANTS
from tests.faults.runner import on_stage
from tests.faults.stage import Stage

STAGE: dict[str, Any] = {"deadline": 3, "plantable": True}  # seconds
_BREATH = 0.05  # seconds
# Readers may miss the effect of a defect, because the next publication replaces it.
_TRIES = 5


def find(name: str, stage: Stage) -> tuple[bool, list[Finding]]:
    """Plant a defect and inject the fault that exposes it.

    Return whether the checker finds it, and all findings.
    """
    plant = PLANTS[name]
    kind = replace(all_kinds()[plant.exposed_by], within=plant.within)
    stage.reset_hub()
    with on_stage(stage, breath=_BREATH) as suite:
        stage.plant(name)
        try:
            for _ in range(_TRIES):
                findings = suite.inject(kind).findings
                found = any(
                    finding.verdict == plant.verdict and re.search(plant.says, finding.what)
                    for finding in findings
                )
                if found:
                    break
        finally:
            stage.plant("")
    assert all(worker.runs for worker in stage.workers), "the next fault needs both workers"
    return found, findings


def find_all(tell: Callable[[str, bool], None]) -> dict[str, bool]:
    """Plant each defect on a stage of its own; return which of them the checker found."""
    results: dict[str, bool] = {}
    with Stage(**STAGE) as stage:
        for name in PLANTS:
            results[name], _ = find(name, stage)
            tell(name, results[name])
    return results
