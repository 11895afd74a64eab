"""Faults of the web server: killed or frozen, as a whole or one of its processes."""

from collections.abc import Generator

import psutil

from tests.common.waiting import wait_until
from tests.faults.kinds import WEB_AWAY, kind
from tests.faults.readers import GIVE_UP
from tests.faults.stage import WEB_PROCESSES, Stage


@kind("web killed", times=3, allows=WEB_AWAY, short=True)
def killed(stage: Stage) -> Generator[None]:
    stage.parts["web"].kill()
    yield
    stage.restart("web")


@kind("web frozen", times=1, allows=WEB_AWAY)
def frozen(stage: Stage) -> Generator[None]:
    with stage.parts["web"].frozen():
        stage.wait(GIVE_UP + 1)
        yield


@kind("one of two web processes killed", times=4, allows=WEB_AWAY)
def one_killed(stage: Stage) -> Generator[None]:
    """Readers lose their connections to it, and uvicorn starts another one."""
    victim = _web_processes(stage)[0]
    victim.kill()
    yield
    wait_until(lambda: victim not in _web_processes(stage), "the process to end")
    wait_until(lambda: len(_web_processes(stage)) == WEB_PROCESSES, "uvicorn to start another one")


@kind("one of two web processes frozen", times=1, allows=WEB_AWAY)
def one_frozen(stage: Stage) -> Generator[None]:
    """Uvicorn replaces it, because it does not respond."""
    victim = _web_processes(stage)[0]
    victim.suspend()
    wait_until(lambda: victim not in _web_processes(stage), "uvicorn to kill the process")
    yield
    wait_until(lambda: len(_web_processes(stage)) == WEB_PROCESSES, "uvicorn to start another one")


def _web_processes(stage: Stage) -> list[psutil.Process]:
    """Return the processes that answer requests: the children of uvicorn's supervisor."""
    children = psutil.Process(stage.parts["web"].pid).children()
    return [each for each in children if _answers(each)]


def _answers(process: psutil.Process) -> bool:
    """Return whether a child is not the helper of Python's multiprocessing."""
    try:
        return "--multiprocessing-fork" in process.cmdline()
    except psutil.Error:  # it has ended
        return False
