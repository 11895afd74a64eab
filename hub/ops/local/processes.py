"""Find and stop processes, each by its own pid."""

import contextlib
import os
import signal
import subprocess
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
    _, alive = psutil.wait_procs(running, timeout=seconds)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    _, alive = psutil.wait_procs(alive, timeout=10)
    return alive


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
    psutil.wait_procs(members, timeout=10)


def is_alive(process: psutil.Process) -> bool:
    """Return whether the process is running; a zombie is not."""
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
