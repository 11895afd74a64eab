"""Base class of the embedded servers, which run under supervisord or as child processes."""

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

_START_TIMEOUT = 60  # seconds; Postgres may have to recover after a crash
STOP_TIMEOUT = 20  # seconds


class LocalHubError(Exception):
    """The hub or a server cannot run. The message says why and what to do."""


def wait_until(
    is_ready: Callable[[], bool],
    seconds: float,
    problem: str,
    process: subprocess.Popen[bytes] | None = None,
) -> None:
    """Wait for `is_ready`. Raise `LocalHubError(problem)` after `seconds` or if `process` exits."""
    deadline = time.monotonic() + seconds
    while not is_ready():
        if time.monotonic() > deadline or (process is not None and process.poll() is not None):
            raise LocalHubError(problem)
        time.sleep(0.05)


class EmbeddedServer(ABC):
    """A database server from a wheel."""

    name: str
    process_name: str  # as in the process list
    user: str | None = None  # the account that runs it; None: the current one
    notice = ""  # what the operator has to know after `prepare`
    # Without the hub's secrets. On macOS, Postgres does not start without a locale.
    environment = {"LC_ALL": "C"}

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir.resolve()
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Prepare the folder and stop a server that still runs in it."""

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
        """The URL, including the password."""

    @abstractmethod
    def accepts_connections(self) -> bool:
        """Return whether the server accepts connections."""

    def wait_until_ready(self) -> None:
        """Wait until the server accepts connections. Raises `LocalHubError`."""
        problem = f"{self.name} did not start. See {self._log}."
        wait_until(self.accepts_connections, _START_TIMEOUT, problem, self.process)

    @property
    def _log(self) -> Path:
        return self.data_dir / "logs" / f"{self.name.lower()}.log"

    def start(self) -> None:
        """Start the server as a child process and wait until it accepts connections."""
        self.prepare()
        self.process = self.spawn_logged()
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def spawn_logged(self) -> subprocess.Popen[bytes]:
        """Start the server without waiting for it; its output goes to its log."""
        make_private_logs(self.data_dir)
        self._log.touch(0o600)
        with self._log.open("ab") as log:
            return self.spawn(self.command, stdout=log, stderr=log)

    def spawn(self, command: list[str], *, stdout: Any, stderr: Any) -> subprocess.Popen[bytes]:
        """Start a program with the server's account and environment."""
        return subprocess.Popen(  # noqa: S603 — our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C in the terminal must not reach it
            cwd="/",
            env=self.environment,
            **as_user(self.user),
        )

    def stop(self) -> None:
        """Stop the server and wait until it exits."""
        if self.process is not None:
            # SIGINT is Postgres' fast shutdown; Valkey accepts it too.
            processes.stop(self.process, signal.SIGINT, STOP_TIMEOUT)
            self.process = None

    def stop_leftover(self) -> int:
        """Stop a server that still runs in the folder: two servers would damage the data.

        Return its number of processes. Raises `LocalHubError` if one survives a SIGKILL.
        """

        def runs_here(process: psutil.Process) -> bool:
            is_server = process.name() == self.process_name
            return is_server and Path(process.cwd()).is_relative_to(self.home)

        leftover = processes.find(runs_here)
        alive = processes.stop_all(leftover, seconds=STOP_TIMEOUT, stop_signal=signal.SIGINT)
        if alive:
            raise LocalHubError(f"Cannot stop {self.name}. Stop process {alive[0].pid} yourself.")
        return len(leftover)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def as_user(user: str | None) -> dict[str, Any]:
    """Return the `subprocess` arguments to run a command as `user`, without root's groups."""
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def make_private_logs(data_dir: Path) -> Path:
    """Return the folder of the logs. Only its owner can read it and the logs that it contains."""
    logs = data_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    logs.chmod(0o700)
    for log in logs.iterdir():
        log.chmod(0o600)
    return logs


def write_private(path: Path, text: str) -> None:
    """Write the file atomically, with mode 0600."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def read_or_create_secret(path: Path, new: str) -> str:
    """Return the secret in `path` (mode 0600); write `new` first if the file does not exist."""
    if not path.exists():
        write_private(path, new)
    return path.read_text().strip()
