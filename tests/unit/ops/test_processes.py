"""Processes are found and stopped."""

import errno
import os
import subprocess
from collections.abc import Callable

import psutil
import pytest

from hub.ops.local import processes


def _stop_all(leader: int) -> None:
    group = processes.find(lambda process: os.getpgid(process.pid) == leader)
    assert processes.stop_all(group, seconds=10) == []


@pytest.mark.parametrize("stop", [processes.kill_group, _stop_all])
def test_processes_that_are_just_ending(
    stop: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux may refuse a file descriptor for such a process, and psutil would raise the error."""
    shell = subprocess.Popen(
        ["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, start_new_session=True
    )
    assert shell.stdout
    sleep = psutil.Process(int(shell.stdout.readline()))

    if hasattr(os, "pidfd_open"):
        pidfd_open = os.pidfd_open

        def refuse(pid: int, flags: int = 0) -> int:
            if pid == os.getpid():  # psutil tries whether the function works
                return pidfd_open(pid, flags)
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

        monkeypatch.setattr(os, "pidfd_open", refuse)
    stop(shell.pid)
    assert not processes.is_alive(sleep)
    assert shell.wait(10) < 0
    shell.stdout.close()
