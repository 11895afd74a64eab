"""supervisord over the hub's processes: its configuration, its start and its end."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping
from configparser import RawConfigParser
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from hub.ops.local import processes
from hub.ops.local.postgres import EmbeddedPostgres
from hub.ops.local.server import ServerError
from hub.ops.local.valkey import EmbeddedValkey

MARK = "HUB_LOCAL_DATA_DIR"  # in the environment of every process of a local hub
# Seconds for all of them: the hub's together, then Redis, then Postgres.
_STOP_WITHIN = 60
# A unix socket's path is bounded to about 100 bytes, supervisord's own suffix included.
_LONGEST_FOLDER = 70
_GROUP = "hub"


@dataclass(frozen=True)
class Program:
    """A process to keep running.

    Those with a priority of their own are servers, which start at once, the lowest first, and end
    last. All others start when told, and end first and together.
    """

    name: str
    command: list[str]
    priority: int | None = None
    user: str | None = None
    stop_signal: str = "TERM"


def configuration(programs: Iterable[Program], *, socket: Path, logs: Path, root: bool) -> str:
    """supervisord.conf. It holds no secret: those are in the environment that is inherited."""
    config = RawConfigParser()
    config["supervisord"] = {
        "nodaemon": "true",
        "logfile": str(logs / "supervisord.log"),
        "pidfile": str(socket.with_suffix(".pid")),
        **({"user": "root"} if root else {}),  # said plainly, or it warns about it
    }
    config["unix_http_server"] = {"file": str(socket), "chmod": "0600"}
    config["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    together = []
    for program in programs:
        if program.priority is None:
            together.append(program.name)
        config[f"program:{program.name}"] = {
            "command": " ".join(_quote(word) for word in program.command),
            "autostart": str(program.priority is not None).lower(),
            "priority": str(program.priority or 100),
            "autorestart": "true",
            "startretries": "100",
            "stopsignal": program.stop_signal,
            "stopasgroup": "false",
            "killasgroup": "true",
            "stopwaitsecs": "15",
            "redirect_stderr": "true",
            "stdout_logfile": str(logs / f"{program.name}.log"),
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": "2",
            **({"user": program.user} if program.user else {}),
        }
    if together:  # one group: supervisord ends groups one after the other
        config[f"group:{_GROUP}"] = {"programs": ",".join(together), "priority": "100"}
    text = StringIO()
    config.write(text)
    return text.getvalue()


def _quote(word: str) -> str:
    """For supervisord's own splitting: quoted, with its `%` expansion escaped."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


class Supervisor:
    """supervisord with the hub's programs."""

    def __init__(
        self, programs: list[Program], data_dir: Path, environment: Mapping[str, str]
    ) -> None:
        """`environment` is that of all programs but the servers; it holds the `MARK`."""
        self._data_dir = data_dir
        self._programs = programs
        self._environment = environment
        short = len(tempfile.gettempdir()) <= _LONGEST_FOLDER
        self._folder = Path(tempfile.mkdtemp(prefix="hub-", dir=None if short else "/tmp"))  # noqa: S108 — made private
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start supervisord and the servers. Raises `ServerError` if it does not come up."""
        logs = self._data_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        socket = self._folder / "s"
        config = self._folder / "supervisord.conf"
        watch = Program(
            "watch-parent",
            [sys.executable, "-m", "hub.ops.local", "watch-parent", str(os.getpid())],
            priority=1,
        )
        config.write_text(
            configuration(
                [watch, *self._programs], socket=socket, logs=logs, root=os.geteuid() == 0
            )
        )
        self._process = subprocess.Popen(  # noqa: S603 — our own command
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(config)],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal is ours to handle
        )
        transport: Any = SupervisorTransport(serverurl=f"unix://{socket}")
        self._rpc: Any = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
        until = time.monotonic() + 20
        while not socket.exists():
            if self._process.poll() is not None or time.monotonic() > until:
                raise ServerError(f"supervisord did not start; see {logs}/supervisord.log")
            time.sleep(0.02)

    def start_program(self, name: str) -> None:
        """Start one of the hub's programs."""
        self._rpc.supervisor.startProcess(f"{_GROUP}:{name}", False)

    def wait(self) -> None:
        """Return when supervisord has ended, which it does only when told or killed."""
        assert self._process is not None  # noqa: S101 — a caller's mistake
        self._process.wait()

    def stop(self) -> None:
        """End all programs, the servers last, and whatever they left."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_WITHIN)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
        end_leftovers(self._data_dir)
        shutil.rmtree(self._folder, ignore_errors=True)


def end_leftovers(data_dir: Path) -> int:
    """End what a hub in this folder left running (it was killed); how many there were.

    Found by the mark in their environment, each ended by its own pid. The servers are found by
    the folder that they run in: Valkey overwrites its environment with its title.
    """
    left = processes.find(lambda process: process.environ().get(MARK) == str(data_dir))
    processes.end(left, seconds=20)
    return len(left) + sum(
        server.end_leftover()
        for server in (EmbeddedValkey(data_dir, port=0), EmbeddedPostgres(data_dir, port=0))
    )


def watch_parent(pid: int) -> None:
    """Return only when `make run` (process `pid`) or supervisord (our parent) is gone, having
    ended everything that they left.

    Runs as one of the programs: so not even a SIGKILL of either leaves anything behind.
    """
    data_dir = Path(os.environ[MARK])
    supervisord = psutil.Process().parent()
    try:
        run = psutil.Process(pid)
    except psutil.NoSuchProcess:
        run = None
    # By process and not by bare pid: both may be gone by now, and os.getppid() be the system's.
    while supervisord and run and all(map(processes.is_alive, (supervisord, run))):
        time.sleep(0.2)
    if supervisord and processes.is_alive(supervisord):
        with contextlib.suppress(psutil.Error):
            supervisord.terminate()  # it ends the others in their order, and then this process
            supervisord.wait(_STOP_WITHIN)
    end_leftovers(data_dir)
