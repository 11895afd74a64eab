"""`make run` when processes are killed, and when the start is interrupted."""

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
    """Return the topmost process whose command line contains all words."""
    found = [
        child for child, command in hub.commands().items() if all(word in command for word in words)
    ]
    pids = {child.pid for child in found}
    return next(child for child in found if child.ppid() not in pids)


def wait_for_the_end(hub: LocalHub) -> None:
    """Wait until no process of the hub is left. Servers are found by their folder.

    The ports are not checked, because another test may use one of them by now.
    """
    wait_until(
        lambda: (
            not hub.children()
            and not processes.find(lambda process: str(hub.folder) in " ".join(process.cmdline()))
        ),
        "the end of all children",
        seconds=60,
    )


def test_parts_that_are_killed_come_back_or_end(hub: LocalHub) -> None:
    hub.start().wait_for("Press Ctrl-C to stop the hub")
    for words in (("config.server",), ("celery", "worker"), ("celery", "beat"), ("fakegithub",)):
        killed = pid_of(hub, *words)
        killed.kill()
        wait_until(lambda words=words, pid=killed.pid: _has_another(hub, words, pid), f"{words}")
    wait_until(lambda: hub.status("/readyz") == 200, "the web server")

    # A second start prints the URLs of the running hub.
    second = LocalHub(hub.folder, hub.port + 100)
    second.log = hub.folder.parent / "second.log"
    second.start()
    assert second.process.wait(60) == 1
    assert f"http://127.0.0.1:{hub.port}/admin/" in second.output()
    assert f":{hub.port + 100}/" not in second.output()

    # The next start ends what a killed hub left. Suspend the processes that would end it.
    for victim in (pid_of(hub, "watch-parent"), pid_of(hub, "supervisor.supervisord")):
        victim.suspend()
    hub.process.kill()
    for victim in (pid_of(hub, "supervisor.supervisord"), pid_of(hub, "watch-parent")):
        victim.kill()
    hub.process.wait(10)
    left = hub.children()
    assert left
    hub.start().wait_for("Press Ctrl-C to stop the hub")
    assert "leftover processes of an earlier hub" in hub.output()
    assert not any(process.is_running() for process in left)
    assert hub.get("/api/v1/contents").json()["contents"]

    # Without supervisord, the hub stops with a message.
    pid_of(hub, "supervisor.supervisord").kill()
    assert hub.process.wait(90) == 1
    assert "supervisord exited unexpectedly" in hub.output()
    wait_for_the_end(hub)


def _has_another(hub: LocalHub, words: tuple[str, ...], pid: int) -> bool:
    try:
        return pid_of(hub, *words).pid != pid
    except (StopIteration, psutil.Error):
        return False


@pytest.mark.parametrize("moment", ["preparing", "migrated"])
def test_an_interruption_during_the_start_ends_all(hub: LocalHub, moment: str) -> None:
    hub.start().wait_for(moment)
    hub.process.send_signal(signal.SIGTERM)
    hub.process.send_signal(signal.SIGINT)
    assert hub.process.wait(90) == 0, hub.output()
    assert "stopped" in hub.output()
    assert "Traceback" not in hub.output()
    wait_for_the_end(hub)
    assert not list(hub.temporary.iterdir())
