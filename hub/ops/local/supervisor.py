"""Configure, start and stop supervisord, which runs the hub's processes."""

import contextlib
import os
import secrets
import shlex
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
from hub.ops.local.server import make_private_logs, wait_until
from hub.ops.local.valkey import EmbeddedValkey

MARK = "HUB_LOCAL_DATA_DIR"  # in the environment of every process of a local hub
# Seconds for all processes: first the hub's, then Redis, then Postgres.
_STOP_TIMEOUT = 60
_MAX_FOLDER_LENGTH = 70  # the path of a Unix socket is limited to about 100 bytes
_GROUP = "hub"
# Environment variables of supervisord.
_SOCKET = "HUB_SUPERVISOR_SOCKET"
_COMMAND = "HUB_COMMAND_"  # followed by the name of the program


@dataclass(frozen=True)
class Program:
    """A process that supervisord runs and restarts.

    Programs with a priority are servers: they start immediately, the lowest priority first, and
    stop last. The others start on request and stop first, all together.
    """

    name: str
    command: list[str]
    priority: int | None = None
    user: str | None = None
    stop_signal: str = "TERM"


def configuration(programs: Sequence[Program], *, root: bool) -> str:
    """Return supervisord.conf, for a supervisord that runs in the folder of the logs.

    It contains no secrets, because programs inherit them in the environment, and no paths, because
    supervisord would interpret `%`, `;` and `#` in them: it gets them from `paths`.
    """
    config = RawConfigParser()
    config["supervisord"] = {
        "nodaemon": "true",
        "logfile": "supervisord.log",
        "pidfile": f"%(ENV_{_SOCKET})s.pid",
        **({"user": "root"} if root else {}),  # prevents a warning
    }
    config["unix_http_server"] = {"file": f"%(ENV_{_SOCKET})s", "chmod": "0600"}
    config["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    together = [program.name for program in programs if program.priority is None]
    for program in programs:
        config[f"program:{program.name}"] = {
            "command": f"%(ENV_{_COMMAND}{program.name})s",
            "directory": "/",
            "autostart": str(program.priority is not None).lower(),
            "priority": str(program.priority or 100),
            "autorestart": "true",
            # Servers are tried again every second and programs with increasing intervals, without
            # an end: a full disk may keep them from starting for hours.
            "startsecs": str(int(program.priority is None)),
            "startretries": "1000000",
            "stopsignal": program.stop_signal,
            "killasgroup": "true",
            "stopwaitsecs": "15",
            "redirect_stderr": "true",
            "stdout_logfile": f"{program.name}.log",
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": "2",
            **({"user": program.user} if program.user else {}),
        }
    if together:  # one group, because supervisord stops groups one after the other
        config[f"group:{_GROUP}"] = {"programs": ",".join(together), "priority": "100"}
    text = StringIO()
    config.write(text)
    return text.getvalue()


def paths(programs: Sequence[Program], socket: Path) -> dict[str, str]:
    """Return the environment variables that the configuration refers to."""
    commands = {f"{_COMMAND}{each.name}": shlex.join(each.command) for each in programs}
    return {_SOCKET: str(socket), **commands}


class Supervisor:
    """A supervisord process with the hub's programs."""

    def __init__(
        self, programs: list[Program], data_dir: Path, environment: Mapping[str, str]
    ) -> None:
        """Prepare supervisord; all programs but the servers get `environment`, with the `MARK`."""
        self._data_dir = data_dir
        self._programs = programs
        self._environment = environment
        temporary = tempfile.gettempdir()
        if len(temporary) > _MAX_FOLDER_LENGTH:
            temporary = "/tmp"  # noqa: S108 — the folder in it is private
        # The name is known before the folder exists, so that `stop` always finds it.
        self._folder = Path(temporary) / f"hub-{secrets.token_hex(8)}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start supervisord and the servers. Raises `LocalHubError`."""
        logs = make_private_logs(self._data_dir)
        self._folder.mkdir(mode=0o700)
        socket = self._folder / "s"
        config = self._folder / "supervisord.conf"
        command = [sys.executable, "-m", "hub.ops.local", "watch-parent"]
        command += [str(os.getpid()), str(self._folder)]
        programs = [Program("watch-parent", command, priority=1), *self._programs]
        root = os.geteuid() == 0
        config.write_text(configuration(programs, root=root))
        self._process = subprocess.Popen(  # noqa: S603 — our own command
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(config)],
            env={**self._environment, **paths(programs, socket)},
            cwd=logs,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal must not reach it
            umask=0o077,  # the logs are private
        )
        transport: Any = SupervisorTransport(serverurl=f"unix://{socket}")
        self._rpc: Any = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
        problem = f"supervisord did not start. See {logs}/supervisord.log."
        wait_until(socket.exists, 20, problem, self._process)

    def start_program(self, name: str) -> None:
        """Start one of the hub's programs."""
        self._rpc.supervisor.startProcess(f"{_GROUP}:{name}", False)

    def wait(self) -> None:
        """Wait until supervisord exits."""
        assert self._process is not None  # noqa: S101 — a caller's mistake
        self._process.wait()

    def stop(self) -> None:
        """Stop all programs, the servers last, and then all leftover processes."""
        if self._process is not None:
            processes.stop(self._process, signal.SIGTERM, _STOP_TIMEOUT)
        stop_leftovers(self._data_dir)
        shutil.rmtree(self._folder, ignore_errors=True)


def stop_leftovers(data_dir: Path) -> int:
    """Stop the processes that a killed hub in this folder left running; return their number.

    The mark in their environment identifies them. Servers are identified by their working
    directory, because Valkey overwrites its environment with its process title.
    """
    leftover = processes.find(lambda process: process.environ().get(MARK) == str(data_dir))
    processes.stop_all(leftover, seconds=20)
    return len(leftover) + sum(
        server.stop_leftover()
        for server in (EmbeddedValkey(data_dir, port=0), EmbeddedPostgres(data_dir, port=0))
    )


def watch_parent(pid: int, folder: Path) -> None:
    """Wait until `make run` (process `pid`) or supervisord (the parent) exits; then stop the rest.

    Delete supervisord's temporary folder as well.

    This runs as one of supervisord's programs, so that nothing stays running even if one of the two
    is killed with SIGKILL.
    """
    data_dir = Path(os.environ[MARK])
    supervisord = psutil.Process().parent()
    try:
        run = psutil.Process(pid)
    except psutil.NoSuchProcess:
        run = None
    # Compare psutil processes, because the system can reuse a pid.
    while supervisord and run and all(map(processes.is_alive, (supervisord, run))):
        time.sleep(0.2)
    shutil.rmtree(folder, ignore_errors=True)  # first, because supervisord stops this process too
    if supervisord and processes.is_alive(supervisord):
        with contextlib.suppress(psutil.Error):
            supervisord.terminate()  # it stops the others in their order, then this process
        processes.wait([supervisord], _STOP_TIMEOUT)
    stop_leftovers(data_dir)
