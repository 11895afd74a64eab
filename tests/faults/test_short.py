"""A fault of each sort, on one stage; `make faults` injects all of them, and often."""

from tests.faults.kinds import all_kinds
from tests.faults.runner import on_stage, programme
from tests.faults.stage import Stage


def test_readers_notice_none_of_them() -> None:
    with Stage(deadline=3) as stage, on_stage(stage, breath=0.05) as suite:
        for kind in programme(all_kinds(), seed=1, short=True):
            suite.inject(kind)
        suite.look()
    assert not suite.findings
