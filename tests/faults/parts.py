"""The parts as child processes: kept alive as a supervisor does, killed and frozen by their pid."""

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

_LOOK_EVERY = 0.1  # seconds
_RECENT = 150_000  # bytes


class Part:
    """A command of the project. It leads a process group, which is killed and frozen as a whole."""

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
        self.started_at = 0  # bytes of the log before the last start
        self.process: subprocess.Popen[bytes] | None = None
        self.wanted = False  # a supervisor starts it again when it ends
        self.ended_by_itself = 0

    def start(self) -> None:
        """Start it. `wait` returns when it can be used."""
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
        self.wanted = True

    def wait(self) -> None:
        """Return when it can be used."""
        try:
            wait_until(lambda: self._is_ready(self), f"{self.name} to be ready")
        except AssertionError as fault:
            raise AssertionError(f"{fault}:\n{self.output()[-2000:]}") from None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.process is not None and self.process.poll() is None

    def output(self) -> str:
        """What it has written since its last start."""
        with self.log.open("rb") as log:
            log.seek(self.started_at)
            return log.read().decode(errors="replace")

    def recent_output(self) -> str:
        """The end of that: the last thousand lines or so."""
        with self.log.open("rb") as log:
            log.seek(max(self.started_at, log.seek(0, os.SEEK_END) - _RECENT))
            return log.read().decode(errors="replace")

    def kill(self) -> None:
        """End it as a crash would; it stays away until `start`."""
        self.wanted = False
        processes.kill_group(self.pid)
        assert self.process is not None
        self.process.wait()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop it in its tracks, and let it go on afterwards."""
        os.killpg(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it gently, and then not."""
        self.wanted = False
        if not self.runs:
            return
        assert self.process is not None
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()


class Keeper:
    """Starts parts again that ended by themselves, as supervisord or Compose would."""

    def __init__(self, parts: list[Part]) -> None:
        self._parts = parts
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        """Look after the parts from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Let them be."""
        self._stop.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._stop.wait(_LOOK_EVERY):
            for part in self._parts:
                if part.wanted and not part.runs:
                    part.ended_by_itself += 1
                    part.start()


def freeze(pid: int) -> None:
    """Freeze a server with its children: Postgres is many processes."""
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()


def thaw(pid: int) -> None:
    """Let a frozen server go on."""
    for process in [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()
