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
from collections.abc import Iterable, Mapping
from configparser import RawConfigParser
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

MARK = "HUB_LOCAL_DATA_DIR"  # in the environment of every process of a local hub
_STOP_WITHIN = 60  # seconds for all of them


@dataclass(frozen=True)
class Program:
    """A process to keep running. Lower priorities start first and end last."""

    name: str
    command: list[str]
    priority: int = 100
    autostart: bool = False
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
    config["unix_http_server"] = {"file": str(socket), "chmod": "0700"}
    config["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    for program in programs:
        config[f"program:{program.name}"] = {
            "command": " ".join(_quote(word) for word in program.command),
            "priority": str(program.priority),
            "autostart": str(program.autostart).lower(),
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
    text = StringIO()
    config.write(text)
    return text.getvalue()


def _quote(word: str) -> str:
    """For supervisord's own splitting: quoted, with its `%` expansion escaped."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


class Supervisor:
    """A running supervisord with the hub's programs."""

    def __init__(self, programs: list[Program], data_dir: Path, environment: Mapping[str, str]):
        # Short, for the path of a unix socket is bounded to about 100 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="hub-"))
        logs = data_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        socket = self._folder / "s"
        config = self._folder / "supervisord.conf"
        watch = Program(
            "watch-parent",
            [sys.executable, "-m", "hub.local", "watch-parent", str(os.getpid())],
            priority=1,
            autostart=True,
        )
        config.write_text(
            configuration([watch, *programs], socket=socket, logs=logs, root=os.geteuid() == 0)
        )
        self.process = subprocess.Popen(  # noqa: S603 — our own command
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(config)],
            env={**environment, MARK: str(data_dir)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal is ours to handle
        )
        transport: Any = SupervisorTransport(serverurl=f"unix://{socket}")
        self._rpc: Any = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
        until = time.monotonic() + 20
        while not socket.exists():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"supervisord did not start; see {logs}/supervisord.log")
            time.sleep(0.02)

    def start(self, name: str) -> None:
        """Start a program."""
        self._rpc.supervisor.startProcess(name, False)

    def stop(self) -> None:
        """End all programs, the servers last; a further Ctrl-C does not cut this short."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_STOP_WITHIN)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def end_leftovers(data_dir: Path) -> int:
    """End what a hub in this folder left running (it was killed); how many there were.

    Found by the mark in their environment, each ended by its own pid.
    """
    left = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == str(data_dir):
                left.append(process)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(left, timeout=10)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=10)
    return len(left)


def watch_parent(pid: int) -> None:
    """End supervisord, our own parent, when process `pid` is gone, however it went.

    Runs as one of the programs: so not even a SIGKILL of `make run` leaves anything behind.
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        # Dead is enough: whoever started it may not have collected it yet.
        while parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.5)
    os.kill(os.getppid(), signal.SIGTERM)
