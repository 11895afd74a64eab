"""Child processes for tests: start, observe, stop and kill them, each by its own pid."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil
from django.conf import settings
from django.db import connection

from hub.ops.local.server import EmbeddedServer
from tests.common.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


def database_url() -> str:
    """Return the URL of the test database, for child processes."""
    db = connection.settings_dict
    return f"postgres://{db['USER']}:{db['PASSWORD']}@{db['HOST']}:{db['PORT']}/{db['NAME']}"


def environment_of_a_hub(folder: Path, purpose: str) -> dict[str, str]:
    """Return the environment for a separate hub in `folder`; servers and GitHub are not set."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("HUB_", "GITHUB_"))}
    return inherited | {
        "HUB_DATA_DIR": str(folder / "data"),
        "SECRET_KEY": f"{purpose} only, never used by a hub: " + "x" * 40,
        "FIELD_ENCRYPTION_KEY": f"{purpose} only",
        "HUB_HTTPS": "false",
        "HUB_LOG_FORMAT": "text",
        "PYTHONPATH": str(ROOT),
    }


def manage(env: dict[str, str], *command: str) -> str:
    """Run a management command in this environment and return its output; it must succeed."""
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


def kill_server(server: EmbeddedServer) -> None:
    """Kill an embedded server, to simulate a crash."""
    assert server.process is not None
    server.process.kill()
    server.process.wait()


class Process:
    """A command of the project as a child process. Its output is stored."""

    def __init__(self, *command: str, env: dict[str, str] | None = None) -> None:
        self.command = command
        self.env = env or {}
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 — closed by `stop`
        self._started_at = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process with the test database."""
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

    def cpu_seconds(self) -> float:
        """Return the processor time of the process so far, in seconds."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    @property
    def running(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.poll() is None

    def output(self) -> str:
        """Return all output so far."""
        return os.pread(self._output.fileno(), 10_000_000, 0).decode(errors="replace")

    def wait_for_output(self, text: str, *, seconds: float = 30.0) -> None:
        """Wait until the process has written `text` since its last start."""

        def written() -> bool:
            if text in self.output()[self._started_at :]:
                return True
            assert self.running, f"{self.command} ended:\n{self.output()}"
            return False

        wait_until(written, f"{text!r} from {self.command}", seconds=seconds)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the process. After SIGKILL, wait until it exits."""
        os.kill(self.pid, number)
        if number == signal.SIGKILL:
            assert self._process is not None
            self._process.wait(10)

    def stop(self) -> None:
        """Terminate the process; kill it if it does not exit in time."""
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
    """Suspend the processes inside the block (SIGSTOP, then SIGCONT)."""
    stopped = list(processes)
    try:
        for process in stopped:
            process.kill(signal.SIGSTOP)
        yield
    finally:
        for process in stopped:
            process.kill(signal.SIGCONT)


def worker(name: str, *, concurrency: int = 8, env: dict[str, str] | None = None) -> Process:
    """Return a Celery worker with the hub's options."""
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


def web(port: int, *options: str, env: dict[str, str] | None = None) -> Process:
    """Return a web server with the options of `make run`."""
    return Process("config.server", f"--port={port}", *options, env=env)


def beat(*, env: dict[str, str] | None = None) -> Process:
    """Return a beat with the options of `make run`."""
    return Process("celery", "--app=config", "beat", "--pidfile=", "--loglevel=INFO", env=env)


def redis_url() -> str:
    """Return the URL of the test session's Redis."""
    return str(settings.REDIS_URL)
