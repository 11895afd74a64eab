"""Workers that differ: another repository is configured, or other rules judge the files."""

from collections.abc import Generator

from tests.faults import next_rules
from tests.faults.kinds import kind
from tests.faults.kinds.workers import LOOKUP
from tests.faults.stage import Stage

_NAME = "faults/another"


@kind("another repository configured during lookup", times=2)
def another_repository(stage: Stage) -> Generator[None]:
    """The open run ends as a run of its own repository, and readers keep that one's map."""
    held = stage.github.hold(LOOKUP)
    before = stage.newest_run()
    try:
        stage.writer.change(directories=6)
        stage.tick()
        stage.wait_for_strike(held)
        run = stage.wait_for_status(before, "looking_up")
        _restart_workers(stage, stage.env | {"GITHUB_REPO": _NAME})
    finally:
        stage.github.heal()
    stage.wait_for_end(run - 1)
    yield
    _restart_workers(stage, stage.env)
    stage.execute("DELETE FROM hub_servedcontents WHERE source LIKE %s", [f"%{_NAME}%"])


def _restart_workers(stage: Stage, env: dict[str, str]) -> None:
    for worker in stage.workers:
        worker.kill()
        worker.env = env
    for worker in stage.workers:
        stage.restart(worker.name)


@kind("workers of two versions of the rules", times=2)
def two_versions(stage: Stage) -> Generator[None]:
    worker = stage.workers[0]
    own = worker.command
    worker.kill()
    worker.command = [next_rules.__name__, *own]
    stage.restart(worker.name)
    try:
        for _ in range(3):
            with stage.writer.quiet():
                commit = stage.writer.renew(4)
                stage.tick()
                stage.wait_for_complete(commit)
        yield
    finally:
        worker.kill()
        worker.command = own
        stage.restart(worker.name)
