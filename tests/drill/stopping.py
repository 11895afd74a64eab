"""SIGTERM to each process in the middle of its work: nothing is lost."""

import signal
import threading
import time

import requests

from tests.common.waiting import wait_until
from tests.drill.stage import DrillStage
from tests.faults.kinds.workers import LOOKUP
from tests.faults.parts import Part

_DIRECTORIES = 5
_PATIENCE = 60.0  # seconds; longer than what is allowed


def stop_each(stage: DrillStage) -> float:
    """Stop and start each process in the middle of its work. Return the longest time to stop.

    Fails if a commit is not published, or a request is not answered.
    """
    return max(
        _stop_worker(stage, "worker one"),
        _stop_worker(stage, "worker two"),
        _stop_beat(stage),
        _stop_web(stage),
    )


def _stop(part: Part) -> float:
    part.should_run = False  # otherwise it is started again at once
    assert part.process is not None
    part.process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    part.process.wait(_PATIENCE)
    return time.monotonic() - started


def _stop_worker(stage: DrillStage, name: str) -> float:
    held = stage.github.hold(LOOKUP)
    commit = stage.writer.renew(_DIRECTORIES)
    stage.tick()
    stage.wait_for_strike(held)
    seconds = _stop(stage.parts[name])
    stage.github.heal()
    stage.restart(name)
    stage.wait_for_complete(commit)
    return seconds


def _stop_beat(stage: DrillStage) -> float:
    seconds = _stop(stage.parts["beat"])
    stage.restart("beat")
    stage.wait_for_end(stage.newest_run())
    return seconds


def _stop_web(stage: DrillStage) -> float:
    """Stop the web server while a request waits for a lock in Postgres."""
    answers: list[int] = []
    with stage.locked("LOCK TABLE hub_category IN ACCESS EXCLUSIVE MODE"):
        reader = threading.Thread(
            target=lambda: answers.append(requests.get(f"{stage.url}/?q=a", timeout=30).status_code)
        )
        reader.start()
        stage.wait_for_blocked("hub_category")
        web = stage.parts["web"]
        stopping: list[float] = []
        stopper = threading.Thread(target=lambda: stopping.append(_stop(web)))
        stopper.start()
        wait_until(lambda: "Shutting down" in web.output(), "the web server to shut down")
    reader.join()
    stopper.join()
    assert answers == [200], f"the request that was being answered got {answers}"
    stage.restart("web")
    return stopping[0]
