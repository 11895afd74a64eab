"""supervisord over the hub's processes: its configuration, its start and its end."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from configparser import RawConfigParser
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from hub.ops.local import processes
from hub.ops.local.postgres import EmbeddedPostgres
from hub.ops.local.server import wait_until
from hub.ops.local.valkey import EmbeddedValkey

MARK = "HUB_LOCAL_DATA_DIR"  # in the environment of every process of a local hub
# Seconds for all of them: the hub's together, then Redis, then Postgres.
_STOP_WITHIN = 60
_LONGEST_FOLDER = 70  # a unix socket's path may have about 100 bytes
_GROUP = "hub"


@dataclass(frozen=True)
class Program:
    """A process to keep running.

    Servers have a priority: they start at once, the lowest first, and end last. All others start
    on request, and end first and together.
    """

    name: str
    command: list[str]
    priority: int | None = None
    user: str | None = None
    stop_signal: str = "TERM"


def configuration(programs: Sequence[Program], *, socket: Path, logs: Path, root: bool) -> str:
    """supervisord.conf, without secrets: those are in the inherited environment."""
    config = RawConfigParser()
    config["supervisord"] = {
        "nodaemon": "true",
        "logfile": str(logs / "supervisord.log"),
        "pidfile": str(socket.with_suffix(".pid")),
        **({"user": "root"} if root else {}),  # or it warns
    }
    config["unix_http_server"] = {"file": str(socket), "chmod": "0600"}
    config["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    together = [program.name for program in programs if program.priority is None]
    for program in programs:
        config[f"program:{program.name}"] = {
            "command": " ".join(_quote(word) for word in program.command),
            "autostart": str(program.priority is not None).lower(),
            "priority": str(program.priority or 100),
            "autorestart": "true",
            "startretries": "100",
            "stopsignal": program.stop_signal,
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
    """For supervisord's parser: quoted, with `%` escaped."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


class Supervisor:
    """supervisord with the hub's programs."""

    def __init__(
        self, programs: list[Program], data_dir: Path, environment: Mapping[str, str]
    ) -> None:
        """`environment` is that of all programs except the servers; it holds the `MARK`."""
        self._data_dir = data_dir
        self._programs = programs
        self._environment = environment
        short = len(tempfile.gettempdir()) <= _LONGEST_FOLDER
        self._folder = Path(tempfile.mkdtemp(prefix="hub-", dir=None if short else "/tmp"))  # noqa: S108 — made private
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start supervisord and the servers. Raises `LocalHubError` if that fails."""
        logs = self._data_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        socket = self._folder / "s"
        config = self._folder / "supervisord.conf"
        command = [sys.executable, "-m", "hub.ops.local", "watch-parent", str(os.getpid())]
        programs = [Program("watch-parent", command, priority=1), *self._programs]
        root = os.geteuid() == 0
        config.write_text(configuration(programs, socket=socket, logs=logs, root=root))
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
        problem = f"supervisord did not start; see {logs}/supervisord.log"
        wait_until(socket.exists, 20, problem, self._process)

    def start_program(self, name: str) -> None:
        """Start one of the hub's programs."""
        self._rpc.supervisor.startProcess(f"{_GROUP}:{name}", False)

    def wait(self) -> None:
        """Return when supervisord has ended."""
        assert self._process is not None  # noqa: S101 — a caller's mistake
        self._process.wait()

    def stop(self) -> None:
        """End all programs, the servers last, and whatever they left."""
        if self._process is not None:
            processes.stop(self._process, signal.SIGTERM, _STOP_WITHIN)
        end_leftovers(self._data_dir)
        shutil.rmtree(self._folder, ignore_errors=True)


def end_leftovers(data_dir: Path) -> int:
    """End what a killed hub in this folder left running; return the number of processes.

    They are found by the mark in their environment; the servers by the folder that they run in,
    for Valkey overwrites its environment with its title.
    """
    left = processes.find(lambda process: process.environ().get(MARK) == str(data_dir))
    processes.end(left, seconds=20)
    return len(left) + sum(
        server.end_leftover()
        for server in (EmbeddedValkey(data_dir, port=0), EmbeddedPostgres(data_dir, port=0))
    )


def watch_parent(pid: int) -> None:
    """Wait until `make run` (process `pid`) or supervisord (our parent) is gone; end what is left.

    Runs as one of the programs, so that not even a SIGKILL of either leaves anything running.
    """
    data_dir = Path(os.environ[MARK])
    supervisord = psutil.Process().parent()
    try:
        run = psutil.Process(pid)
    except psutil.NoSuchProcess:
        run = None
    # As psutil processes, for a pid may be given to another process.
    while supervisord and run and all(map(processes.is_alive, (supervisord, run))):
        time.sleep(0.2)
    if supervisord and processes.is_alive(supervisord):
        with contextlib.suppress(psutil.Error):
            supervisord.terminate()  # it ends the others in their order, and then this process
            supervisord.wait(_STOP_WITHIN)
    end_leftovers(data_dir)
