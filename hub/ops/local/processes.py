"""Find and stop processes, each by its own pid."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence

import psutil


def find(is_ours: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
    """Return the other processes for which `is_ours` is true, except for unreadable ones."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and is_ours(process):
                found.append(process)
    return found


def wait(running: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until the processes have ended, for at most `seconds`; return those that are alive.

    `psutil.wait_procs` raises an OSError for a process that is just ending:
    https://github.com/giampaolo/psutil/issues/2715
    """
    deadline = time.monotonic() + seconds
    while (alive := list(filter(is_alive, running))) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive


def stop_all(
    running: Sequence[psutil.Process], *, seconds: float, stop_signal: int = signal.SIGTERM
) -> list[psutil.Process]:
    """Signal the processes and kill them after `seconds`; return those that survive a SIGKILL.

    A process whose parent is in `running` gets no signal, because its parent stops it.
    """
    pids = {process.pid for process in running}
    for process in running:
        with contextlib.suppress(psutil.Error):
            if process.ppid() not in pids:
                process.send_signal(stop_signal)
    for process in wait(running, seconds):
        with contextlib.suppress(psutil.Error):
            process.kill()
    return wait(running, 10)


def stop(process: subprocess.Popen[bytes], stop_signal: int, seconds: float) -> None:
    """Signal a child process, kill it after `seconds`, and wait until it exits."""
    process.send_signal(stop_signal)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def kill_group(leader: int) -> None:
    """Kill the process group of `leader`, including new children, and wait until it exits."""
    members = find(lambda process: os.getpgid(process.pid) == leader)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
    members += find(lambda process: os.getpgid(process.pid) == leader)
    wait(members, 10)


def is_alive(process: psutil.Process) -> bool:
    """Return whether the process is running; a zombie is not."""
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
