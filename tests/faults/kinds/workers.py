"""Workers killed and frozen, at every step of a run."""

from collections.abc import Generator

from tests.faults.kinds import kind
from tests.faults.stage import DEADLINE, Stage

ROOT_TREE = "/git/trees/main"
LOOKUP = "recursive=1"
_HELD = 3.0  # seconds that GitHub lets a request wait, so that a worker is caught at it


def _killed_at(stage: Stage, task: str) -> Generator[None]:
    victim = stage.worker_at(task)
    victim.kill()
    yield
    stage.back(victim.name)


@kind("worker killed in list", times=5, short=True)
def killed_in_list(stage: Stage) -> Generator[None]:
    held = stage.github.strike("slow", [_HELD], ROOT_TREE, 1)
    stage.tick()
    stage.wait_for_strike(held)
    yield from _killed_at(stage, "list_directories")


@kind("worker killed in lookup", times=5, short=True)
def killed_in_lookup(stage: Stage) -> Generator[None]:
    held = stage.github.strike("slow", [_HELD], LOOKUP, 3)
    stage.writer.change(directories=8)
    stage.tick()
    stage.wait_for_strike(held)
    yield from _killed_at(stage, "lookup_directory")


@kind("worker killed in publish", times=5, short=True)
def killed_in_publish(stage: Stage) -> Generator[None]:
    with stage.locked("SELECT 1 FROM hub_servedcontents FOR UPDATE"):
        stage.writer.change(directories=4)
        stage.tick()
        stage.wait_for_blocked("hub_servedcontents")
        victim = stage.worker_at("publish_contents")
        victim.kill()
    yield
    stage.back(victim.name)


@kind("worker frozen in lookup", times=3)
def frozen_in_lookup(stage: Stage) -> Generator[None]:
    held = stage.github.strike("slow", [_HELD], LOOKUP, 2)
    stage.writer.change(directories=8)
    stage.tick()
    stage.wait_for_strike(held)
    with stage.worker_at("lookup_directory").frozen():
        stage.wait(DEADLINE + 3)
        yield
