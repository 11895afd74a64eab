"""`make run` when parts of it are killed, and when it is interrupted before it is up."""

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hub.ops.local import processes
from tests.common.waiting import wait_until
from tests.integration.ops.test_run import LocalHub, free_row


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        hub = LocalHub(Path(folder) / "data", free_row())
        yield hub
        if hub.process.poll() is None:
            hub.process.terminate()
            hub.process.wait(90)


def pid_of(hub: LocalHub, *words: str) -> psutil.Process:
    """The topmost process whose command line holds all the words."""
    found = [child for child in hub.children() if all(word in child.cmdline() for word in words)]
    pids = {child.pid for child in found}
    return next(child for child in found if child.ppid() not in pids)


def wait_for_the_end(hub: LocalHub) -> None:
    """No process of the hub is left. (Servers hide its mark, not their folder.)

    Its ports are not looked at: another test may have been given one since.
    """
    wait_until(
        lambda: (
            not hub.children()
            and not processes.find(lambda process: str(hub.folder) in " ".join(process.cmdline()))
        ),
        "the end of all children",
        seconds=60,
    )


def test_parts_that_are_killed_come_back(hub: LocalHub) -> None:
    hub.start().wait_for("Ctrl-C ends everything")
    for words in (("granian",), ("celery", "worker"), ("celery", "beat"), ("fakegithub",)):
        killed = pid_of(hub, *words)
        killed.kill()
        wait_until(lambda words=words, pid=killed.pid: _has_another(hub, words, pid), f"{words}")
    wait_until(lambda: hub.get("/healthz").ok, "the page")

    # a second start names the addresses of the hub that runs, not those that it would have had
    second = LocalHub(hub.folder, hub.port + 100)
    second.log = hub.folder.parent / "second.log"
    second.start()
    assert second.process.wait(60) == 1
    assert f"http://127.0.0.1:{hub.port}/admin/" in second.output()
    assert f":{hub.port + 100}/" not in second.output()

    # without its supervisor the hub ends, and says so
    pid_of(hub, "supervisor.supervisord").kill()
    assert hub.process.wait(90) == 1
    assert "supervisord ended by itself" in hub.output()
    wait_for_the_end(hub)


def _has_another(hub: LocalHub, words: tuple[str, ...], pid: int) -> bool:
    try:
        return pid_of(hub, *words).pid != pid
    except (StopIteration, psutil.Error):
        return False


def test_what_a_killed_hub_left_is_ended_at_the_next_start(hub: LocalHub) -> None:
    hub.start().wait_for("Ctrl-C ends everything")
    # all that could have ended the others, the watcher first
    for victim in (pid_of(hub, "watch-parent"), pid_of(hub, "supervisor.supervisord")):
        victim.suspend()
    hub.process.kill()
    for victim in (pid_of(hub, "supervisor.supervisord"), pid_of(hub, "watch-parent")):
        victim.kill()
    hub.process.wait(10)
    left = hub.children()
    assert left
    hub.start().wait_for("Ctrl-C ends everything")
    assert "an earlier hub had left running" in hub.output()
    assert not any(process.is_running() for process in left)
    assert hub.get("/api/v1/contents").json()["contents"]
    hub.process.send_signal(signal.SIGHUP)
    assert hub.process.wait(90) == 0
    wait_for_the_end(hub)


@pytest.mark.parametrize("moment", ["preparing", "Postgres is ready", "migrated"])
def test_an_interruption_during_the_start_ends_all(hub: LocalHub, moment: str) -> None:
    hub.start().wait_for(moment)
    hub.process.send_signal(signal.SIGTERM)
    hub.process.send_signal(signal.SIGINT)
    assert hub.process.wait(90) == 0
    assert "stopped" in hub.output()
    assert "Traceback" not in hub.output()
    wait_for_the_end(hub)
