"""The hub's parts as child processes that can be killed and frozen, and are restarted."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from hub.ops.local import processes
from tests.common.processes import ROOT
from tests.common.waiting import wait_until

_POLL_INTERVAL = 0.1  # seconds
_RECENT = 150_000  # bytes


class Part:
    """A command of the project in its own process group, which is killed and frozen as a whole."""

    def __init__(
        self,
        name: str,
        command: list[str],
        env: dict[str, str],
        log: Path,
        *,
        is_ready: Callable[["Part"], bool],
    ) -> None:
        self.name, self.command, self.env, self.log = name, command, env, log
        self._is_ready = is_ready
        self.started_at = 0  # size of the log before the last start
        self.process: subprocess.Popen[bytes] | None = None
        self.should_run = False  # restarted by `Keeper` if it exits
        self.unexpected_exits = 0

    def start(self) -> None:
        """Start the process. Use `wait` to wait until it is ready."""
        with self.log.open("ab") as log:
            self.started_at = log.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.command],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.should_run = True

    def wait(self) -> None:
        """Wait until the process is ready."""
        try:
            wait_until(lambda: self._is_ready(self), f"{self.name} to be ready")
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.output()[-2000:]}") from None

    @property
    def pid(self) -> int:
        """The process id."""
        assert self.process is not None
        return self.process.pid

    @property
    def runs(self) -> bool:
        """Whether the process is running."""
        return self.process is not None and self.process.poll() is None

    def output(self) -> str:
        """Return the output since the last start."""
        with self.log.open("rb") as log:
            log.seek(self.started_at)
            return log.read().decode(errors="replace")

    def recent_output(self) -> str:
        """Return the end of the output, about a thousand lines."""
        with self.log.open("rb") as log:
            log.seek(max(self.started_at, log.seek(0, os.SEEK_END) - _RECENT))
            return log.read().decode(errors="replace")

    def kill(self) -> None:
        """Kill the process group, to simulate a crash. It is not restarted until `start`."""
        self.should_run = False
        processes.kill_group(self.pid)
        assert self.process is not None
        self.process.wait()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Suspend the process group inside the block."""
        os.killpg(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Terminate the process; kill it if it does not exit in time."""
        self.should_run = False
        if not self.runs:
            return
        assert self.process is not None
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()


class Keeper:
    """Restarts parts that exit unexpectedly, like supervisord or Compose."""

    def __init__(self, parts: list[Part]) -> None:
        self._parts = parts
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        """Start to watch the parts."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching the parts."""
        self._stop.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._stop.wait(_POLL_INTERVAL):
            for part in self._parts:
                if part.should_run and not part.runs:
                    part.unexpected_exits += 1
                    part.start()


def freeze(pid: int) -> None:
    """Suspend a server and its children: Postgres has many processes."""
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()


def thaw(pid: int) -> None:
    """Resume a suspended server."""
    for process in [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()
