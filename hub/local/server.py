"""An embedded server: prepared in a folder, run by a supervisor or as a child of this process."""

import os
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

READY_WITHIN = 60  # seconds; Postgres may have to recover after a crash


class ServerError(Exception):
    """A server that could not be prepared or started. The text says what to do."""


class EmbeddedServer(ABC):
    """A database server that needs nothing but its wheel."""

    name: str
    user: str | None = None  # the account it runs as, when that is not ours

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Make the folder ready; does nothing when it is already."""

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
                user=self.user if os.geteuid() == 0 else None,
                extra_groups=[] if self.user and os.geteuid() == 0 else None,
                start_new_session=True,  # a Ctrl-C in the terminal is ours to handle
                cwd="/",
            )
        self.wait_until_ready()

    def stop(self) -> None:
        """End it and wait until it is gone."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def kill(self) -> None:
        """End it as a crash would, by its own pid."""
        assert self.process is not None  # noqa: S101 — a caller's mistake
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def secret_file(path: Path, make: str) -> str:
    """The secret kept in `path` (mode 0600); `make` is stored there when there is none yet."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(make)
    return path.read_text().strip()
