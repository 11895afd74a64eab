"""An embedded server: prepared in a folder, run by a supervisor or as a child process."""

import os
import pwd
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import psutil

from hub.ops.local import processes

_READY_WITHIN = 60  # seconds; Postgres may have to recover after a crash
_STOP_WITHIN = 20  # seconds


class LocalHubError(Exception):
    """The hub or a server cannot run here. The text says why and what to do."""


def wait_until(
    is_ready: Callable[[], bool],
    seconds: float,
    problem: str,
    process: subprocess.Popen[bytes] | None = None,
) -> None:
    """Wait; raises `LocalHubError` with `problem` when time is up or `process` has ended."""
    until = time.monotonic() + seconds
    while not is_ready():
        if time.monotonic() > until or (process is not None and process.poll() is not None):
            raise LocalHubError(problem)
        time.sleep(0.05)


class EmbeddedServer(ABC):
    """A database server from a wheel."""

    name: str
    process_name: str  # as the system lists it
    user: str | None = None  # the account it runs as, when that is not ours
    # Without the hub's secrets. Postgres needs a locale to start on macOS.
    environment = {"LC_ALL": "C"}

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir.resolve()
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Make the folder ready and end a server that still runs in it."""

    @property
    @abstractmethod
    def home(self) -> Path:
        """The server's folder; a running server has its working directory in it."""

    @property
    @abstractmethod
    def command(self) -> list[str]:
        """The command line, without secrets."""

    @property
    @abstractmethod
    def url(self) -> str:
        """The address with the password."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it accepts connections now."""

    def wait_until_ready(self) -> None:
        """Return when it accepts connections. Raises `LocalHubError`."""
        problem = f"{self.name} did not start; see {self._log}"
        wait_until(self.answers, _READY_WITHIN, problem, self.process)

    @property
    def _log(self) -> Path:
        return self.data_dir / "logs" / f"{self.name.lower()}.log"

    def start(self) -> None:
        """Start it as a child process and wait until it is ready."""
        self.prepare()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self.process = self.spawn(self.command, stdout=log, stderr=log)
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def spawn(self, command: list[str], *, stdout: Any, stderr: Any) -> subprocess.Popen[bytes]:
        """Start a program of the server with its account and environment."""
        return subprocess.Popen(  # noqa: S603 — our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,  # a Ctrl-C in the terminal is ours to handle
            cwd="/",
            env=self.environment,
            **as_user(self.user),
        )

    def stop(self) -> None:
        """End it and wait until it is gone."""
        if self.process is not None:
            # SIGINT is Postgres' fast shutdown, and fine for Valkey.
            processes.stop(self.process, signal.SIGINT, _STOP_WITHIN)
            self.process = None

    def kill(self) -> None:
        """End it as a crash would."""
        assert self.process is not None  # noqa: S101 — a caller's mistake
        self.process.kill()
        self.process.wait()

    def end_leftover(self) -> int:
        """End a server that still runs in the folder: two would damage it.

        Returns how many processes it had. Raises `LocalHubError` when one survives a SIGKILL.
        """

        def runs_here(process: psutil.Process) -> bool:
            is_server = process.name() == self.process_name
            return is_server and Path(process.cwd()).is_relative_to(self.home)

        left = processes.find(runs_here)
        alive = processes.end(left, seconds=_STOP_WITHIN, stop_signal=signal.SIGINT)
        if alive:
            raise LocalHubError(f"{self.name} of an earlier hub cannot be ended: {alive[0].pid}")
        return len(left)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def as_user(user: str | None) -> dict[str, Any]:
    """Keywords for `subprocess` to run a command as `user`, without root's groups."""
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def write_private(path: Path, text: str) -> None:
    """Replace the file whole or not at all, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def secret_file(path: Path, make: str) -> str:
    """The secret in `path` (mode 0600); `make` is stored there first when there is none."""
    if not path.exists():
        write_private(path, make)
    return path.read_text().strip()
