"""Child processes of the tests: started, watched, and killed by their own pid."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import connection

from tests.common.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


def database_url() -> str:
    """The test database as a URL: what a child process must use to see what the test sees."""
    db = connection.settings_dict
    return f"postgres://{db['USER']}:{db['PASSWORD']}@{db['HOST']}:{db['PORT']}/{db['NAME']}"


def environment_of_a_hub(folder: Path, purpose: str) -> dict[str, str]:
    """For the processes of a hub of its own, in `folder`: without servers and without GitHub."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HUB_", "GITHUB_"))}
    return kept | {
        "HUB_DATA_DIR": str(folder / "data"),
        "SECRET_KEY": f"{purpose} only, never used by a hub: " + "x" * 40,
        "FIELD_ENCRYPTION_KEY": f"{purpose} only",
        "HUB_HTTPS": "false",
        "PYTHONPATH": str(ROOT),
    }


def manage(env: dict[str, str], *command: str) -> str:
    """Run a management command in this environment; its output. Fails with its own words."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *command],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"manage.py {command[0]}:\n{done.stdout}{done.stderr}"
    return done.stdout


class Process:
    """A command of the project in a process of its own, with its output kept."""

    def __init__(self, *command: str, env: dict[str, str] | None = None) -> None:
        self.command = command
        self.env = env or {}
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 — closed by `stop`
        self._started_at = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, against the test's own database."""
        self._started_at = len(self.output())
        self._process = subprocess.Popen(
            [sys.executable, "-m", *self.command],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database_url(), **self.env},
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.poll() is None

    def output(self) -> str:
        """All that it has written so far."""
        return os.pread(self._output.fileno(), 10_000_000, 0).decode(errors="replace")

    def wait_for_output(self, text: str, *, seconds: float = 30.0) -> None:
        """Wait until it has written `text` since its last start."""

        def written() -> bool:
            if text in self.output()[self._started_at :]:
                return True
            assert self.running, f"{self.command} ended:\n{self.output()}"
            return False

        wait_until(written, f"{text!r} from {self.command}", seconds=seconds)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the process, and for SIGKILL wait until it is gone."""
        os.kill(self.pid, number)
        if number == signal.SIGKILL:
            assert self._process is not None
            self._process.wait(10)

    def stop(self) -> None:
        """End it, gently and then not."""
        if self._process is None:
            return
        if self.running:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
        self._process = None


@contextmanager
def frozen(processes: Iterable[Process]) -> Iterator[None]:
    """Stop processes in the block, and let them go on after it."""
    stopped = list(processes)
    try:
        for process in stopped:
            process.kill(signal.SIGSTOP)
        yield
    finally:
        for process in stopped:
            process.kill(signal.SIGCONT)


def worker(name: str, *, concurrency: int = 8, env: dict[str, str] | None = None) -> Process:
    """A Celery worker as the hub runs it."""
    return Process(
        "celery",
        "--app=config",
        "worker",
        "--pool=threads",
        f"--concurrency={concurrency}",
        "--queues=hub,lookups",
        f"--hostname={name}@tests",
        "--without-gossip",
        "--without-mingle",
        "--loglevel=INFO",
        env=env,
    )


def web(port: int, *, env: dict[str, str] | None = None) -> Process:
    """The web server as `make run` starts it."""
    return Process(
        "granian",
        "--interface=wsgi",
        "--host=127.0.0.1",
        f"--port={port}",
        "--blocking-threads=8",
        "config.wsgi:application",
        env=env,
    )


def redis_url() -> str:
    """The test session's Redis."""
    return str(settings.REDIS_URL)
