"""An embedded server: prepared in a folder, run by a supervisor or as a child of this process."""

import os
import pwd
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Self

import psutil

from hub.ops.local import processes

READY_WITHIN = 60  # seconds; Postgres may have to recover after a crash
_STOP_WITHIN = 20  # seconds


class ServerError(Exception):
    """A server that could not be prepared or started. The text says what to do."""


class EmbeddedServer(ABC):
    """A database server that needs nothing but its wheel."""

    name: str
    process_name: str  # of the server's program, as the system lists it
    user: str | None = None  # the account it runs as, when that is not ours
    # All that the server gets: no secret of the hub is its business. Without a locale in the
    # environment, Postgres refuses to start on macOS.
    environment = {"LC_ALL": "C"}

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir.resolve()
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Make the folder ready and end what an earlier hub left running in it."""

    @property
    @abstractmethod
    def home(self) -> Path:
        """The folder that is its own; a running server has its working directory in it."""

    @property
    @abstractmethod
    def command(self) -> list[str]:
        """The command line; it holds no secret."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Where and how to connect, password included."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it takes connections now."""

    def wait_until_ready(self) -> None:
        """Return when it takes connections. Raises `ServerError` after `READY_WITHIN`."""
        until = time.monotonic() + READY_WITHIN
        while not self.answers():
            if self.process is not None and self.process.poll() is not None:
                raise ServerError(f"{self.name} ended at its start; see {self.log}")
            if time.monotonic() > until:
                raise ServerError(f"{self.name} is not ready; see {self.log}")
            time.sleep(0.02)

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.data_dir / "logs" / f"{self.name.lower()}.log"

    def start(self) -> None:
        """Start it as a child of this process and wait until it is ready."""
        self.prepare()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 — our own command
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C in the terminal is ours to handle
                cwd="/",
                env=self.environment,
                **as_user(self.user),
            )
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()  # whoever fails to start it has nothing to stop it with
            raise

    def stop(self) -> None:
        """End it and wait until it is gone."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # Postgres' fast shutdown; Valkey takes it too
            try:
                self.process.wait(_STOP_WITHIN)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def kill(self) -> None:
        """End it as a crash would, by its own pid."""
        assert self.process is not None  # noqa: S101 — a caller's mistake
        self.process.kill()
        self.process.wait()

    def end_leftover(self) -> int:
        """End a server that still runs in the folder: two on one folder would spoil it.

        How many processes it had. Raises `ServerError` when one stays even after a SIGKILL.
        """
        left = processes.find(self._runs_here)
        stubborn = processes.end(left, seconds=_STOP_WITHIN, stop_signal=signal.SIGINT)
        if stubborn:
            raise ServerError(f"{self.name} of an earlier hub cannot be ended: {stubborn[0].pid}")
        return len(left)

    def _runs_here(self, process: psutil.Process) -> bool:
        return process.name() == self.process_name and Path(process.cwd()).is_relative_to(self.home)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def as_user(user: str | None) -> dict[str, Any]:
    """The keywords that have `subprocess` run a command as `user`, with none of root's groups."""
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
    """The secret kept in `path` (mode 0600); `make` is stored there when there is none yet."""
    if not path.exists():
        write_private(path, make)
    return path.read_text().strip()
