"""Real processes of a hub for a measurement, on free ports and in a temporary folder.

The stage starts Postgres and Redis and migrates the database. `start` starts other processes with
the options of `make run`.
"""

import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

import psutil

from hub.ops.local.ports import free_port
from hub.ops.local.postgres import EmbeddedPostgres
from hub.ops.local.valkey import EmbeddedValkey
from tests.common.processes import ROOT, environment_of_a_hub, manage
from tests.common.waiting import wait_until

REPOSITORY = "bench/exporters"
DJANGO = {"DJANGO_SETTINGS_MODULE": "config.settings"}


def token(number: int) -> str:
    """Return a token that the fake GitHub accepts; number 0 is the token in the environment."""
    return f"ghp_{'bench0secret' * 2}{number:012}"


class Part:
    """A process of the stage: `python -m …`, with its output in a file."""

    def __init__(self, name: str, command: tuple[str, ...], env: dict[str, str], log: Path) -> None:
        self.name, self.log = name, log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in the terminal must not reach it
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code; None while the process runs."""
        return self._process.poll()

    def output(self) -> str:
        """Return the output so far, including that of earlier processes with this name."""
        return self.log.read_text(errors="replace")

    def wait_for_output(self, text: str, *, seconds: float = 30.0) -> None:
        """Wait until the process has written `text`; fail if it exits before."""

        def written() -> bool:
            if text in self.output():
                return True
            assert self._process.poll() is None, f"{self.name} ended:\n{self.output()[-4000:]}"
            return False

        wait_until(written, f"{text!r} from {self.name}", seconds=seconds)

    def peak_memory(self) -> int:
        """Return the peak memory in bytes, or the current memory if the system has no peak."""
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return int(psutil.Process(self.pid).memory_info().rss)

    def cpu_seconds(self) -> float:
        """Return the CPU time of the process and its children."""
        process = psutil.Process(self.pid)
        times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
        return float(sum(each.user + each.system for each in times))

    def wait_until_idle(self) -> None:
        """Wait until all requests are processed, including those of closed connections."""

        def idle() -> bool:
            before = self.cpu_seconds()
            time.sleep(0.1)  # ten clock ticks of the CPU time
            return self.cpu_seconds() == before

        wait_until(idle, f"{self.name} to be idle")

    def stop(self) -> None:
        """Terminate the process; kill it if it does not exit in time."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Stage:
    """Context manager that provides Postgres, Redis and the hub's tables.

    `env`: the environment of the hub's processes; a measurement may add variables. `github_port`:
    the port for a fake GitHub.
    """

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="hub-bench-"))
        self.folder.chmod(0o711)  # Postgres does not run as root and must reach its cluster
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.postgres = EmbeddedPostgres(self.folder, free_port())
        self.redis = EmbeddedValkey(self.folder, free_port())
        self.github_port = free_port()
        self.env: dict[str, str] = {}

    def __enter__(self) -> Self:
        try:
            for server in (self.postgres, self.redis):
                self._stack.enter_context(server)
            self.env = self._environment()
            self.manage("migrate", "--noinput")
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _environment(self) -> dict[str, str]:
        return environment_of_a_hub(self.folder, "measurements") | {
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "GITHUB_API_URL": f"http://127.0.0.1:{self.github_port}",
            "GITHUB_REPO": REPOSITORY,
            "GITHUB_TOKEN": token(0),
        }

    def manage(self, *args: str) -> str:
        """Run a management command and return its output; it must succeed."""
        return manage(self.env, *args)

    def run(self, module: str, *arguments: str) -> str:
        """Run `python -m MODULE` with the hub's settings and return its output; it must succeed."""
        part = self.start(module, module, *arguments, env=DJANGO)
        wait_until(lambda: part.returncode is not None, f"{module} to end", seconds=300)
        assert part.returncode == 0, part.output()
        return part.output()

    def start(self, name: str, *command: str, env: dict[str, str] | None = None) -> Part:
        """Start `python -m COMMAND` with the stage's environment and `env`; stop it at the end."""
        log = self.folder / "logs" / f"{name.replace(' ', '-')}.log"
        log.parent.mkdir(exist_ok=True)
        log.unlink(missing_ok=True)
        part = Part(name, command, self.env | (env or {}), log)
        self._stack.callback(part.stop)
        return part
