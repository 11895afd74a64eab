"""`make run`, and management commands on the local hub, such as `make backup`."""

import contextlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import requests
from filelock import FileLock, Timeout

from hub.ops.local import environment
from hub.ops.local.ports import free_port, is_free, ports_from
from hub.ops.local.postgres import EmbeddedPostgres
from hub.ops.local.server import EmbeddedServer, LocalHubError, wait_until
from hub.ops.local.supervisor import MARK, Program, Supervisor, stop_leftovers
from hub.ops.local.valkey import EmbeddedValkey

ROOT = Path(__file__).resolve().parents[3]
_MANAGE = [sys.executable, str(ROOT / "manage.py")]
# For commands whose log appears on the terminal.
_SHORT_LOG = {"HUB_LOG_FORMAT": "text", "HUB_LOG_LEVEL": "WARNING"}
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MAX_PATH_LENGTH = 900  # bytes; Postgres allows 1,023 with the names of its own files
# A worker needs about 100 for its 25 threads: connections to Postgres, Redis and GitHub.
_OPEN_FILES = 512
_interrupted_at = float("-inf")  # time.monotonic()


def run_hub() -> None:
    """Start the hub, print its URLs, and stop all of it on Ctrl-C. Raises `LocalHubError`."""
    _handle_signals()
    _allow_open_files()
    ports = _ports()
    data_dir, lock = _lock_data_dir()
    if lock is None:
        raise LocalHubError(_already_running(data_dir))
    with lock:
        if stop_leftovers(data_dir):
            _print("stopped leftover processes of an earlier hub")
        _LocalHub(data_dir, ports).run()


def manage(command: list[str]) -> int:
    """Run a management command on the local hub and return its exit code.

    If the hub is not running, start the embedded Postgres for the duration of the command.
    """
    _handle_signals()
    data_dir, lock = _lock_data_dir()
    env = os.environ | {"HUB_DATA_DIR": str(data_dir)}
    if lock is None or os.environ.get("DATABASE_URL"):
        return subprocess.call([*_MANAGE, *command], env=env)  # noqa: S603 — our own command
    with lock:
        stop_leftovers(data_dir)
        with EmbeddedPostgres(data_dir, free_port()) as postgres:
            # The command does not use Redis, but the settings require a URL.
            urls = {"DATABASE_URL": postgres.url, "REDIS_URL": EmbeddedValkey(data_dir, 0).url}
            if not (data_dir / "hub.env").exists():
                _make_environment(data_dir, _ports(), urls)
            return subprocess.call([*_MANAGE, *command], env=env | urls)  # noqa: S603 — our own command


class _LocalHub:
    """The embedded servers and the programs of one `make run`."""

    def __init__(self, data_dir: Path, ports: dict[str, int]) -> None:
        self._data_dir, self._ports = data_dir, ports
        self._demo = environment.is_demo(os.environ)
        # The keys are the environment variables that replace the embedded servers.
        self._servers: dict[str, EmbeddedServer] = {}
        if not os.environ.get("DATABASE_URL"):
            self._servers["DATABASE_URL"] = EmbeddedPostgres(data_dir, ports["Postgres"])
        if not os.environ.get("REDIS_URL"):
            self._servers["REDIS_URL"] = EmbeddedValkey(data_dir, ports["Redis"])

    def run(self) -> None:
        self._check_ports()
        self._prepare_servers()
        urls = {variable: server.url for variable, server in self._servers.items()}
        stored = _make_environment(self._data_dir, self._ports, urls)
        env = environment.process_environment(os.environ, stored)
        env |= {"HUB_DATA_DIR": str(self._data_dir), "PYTHONPATH": str(ROOT)}
        env[MARK] = str(self._data_dir)
        env.setdefault("HUB_METRICS_ADDR", f"127.0.0.1:{self._ports['metrics of web']}")
        if self._demo:
            env["FAKEGITHUB_TOKEN"] = stored["GITHUB_TOKEN"]
        programs = [*self._server_programs(), *self._hub_programs()]
        supervisor = Supervisor(programs, self._data_dir, env)
        try:
            supervisor.start()
            for server in self._servers.values():
                server.wait_until_ready()
                _print(f"{server.name} is ready")
            _manage(env, "migrate", "--noinput")
            _print("the database is migrated")
            admin = json.loads(_manage(env, "prepare"))
            for program in self._hub_programs():
                supervisor.start_program(program.name)
            url = f"http://127.0.0.1:{self._ports['hub']}/readyz"
            problem = f"The web server does not respond. See the logs in {self._data_dir}/logs."
            wait_until(lambda: _is_up(url), 60, problem)
            _print(_welcome(self._ports, self._data_dir, env, admin))
            if self._demo:
                # It waits for the first refresh; its failure must not stop the hub.
                command = [*_MANAGE, "demohistory"]
                subprocess.call(command, env=env | _SHORT_LOG)  # noqa: S603 — our own command
            supervisor.wait()
            raise LocalHubError(
                f"supervisord exited unexpectedly. See {self._data_dir}/logs/supervisord.log."
            )
        finally:
            for number in _SIGNALS:  # a second Ctrl-C must not interrupt the shutdown
                signal.signal(number, signal.SIG_IGN)
            _print("stopping …")
            supervisor.stop()

    def _check_ports(self) -> None:
        needed = {"hub", "Flower"} | {server.name for server in self._servers.values()}
        if self._demo:
            needed.add("fake GitHub")
        for name, port in self._ports.items():
            if name in needed and not is_free(port):
                raise LocalHubError(
                    f"Port {port} ({name}) is in use. Set HUB_PORT to another number, for example "
                    f"HUB_PORT={self._ports['hub'] + 100}; the other ports change with it."
                )

    def _prepare_servers(self) -> None:
        _print("preparing Postgres and Redis" if self._servers else "using your Postgres and Redis")
        for server in self._servers.values():
            server.prepare()
            if server.notice:
                _print(server.notice)

    def _server_programs(self) -> list[Program]:
        programs = []
        # Postgres is first in `_servers`, so it has the lowest priority and stops last.
        for priority, server in enumerate(self._servers.values(), start=10):
            # A clean environment, because the servers do not need the hub's secrets.
            clean = {MARK: str(self._data_dir), **server.environment}
            env = ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in clean.items())]
            command = [*env, *server.command]
            name = server.name.lower()
            # SIGINT is Postgres' fast shutdown; Valkey accepts it too.
            programs.append(Program(name, command, priority, server.user, stop_signal="INT"))
        return programs

    def _hub_programs(self) -> list[Program]:
        """Return the hub's own programs in the order in which they start."""
        port, sample = self._ports, ROOT / "hub" / "demo" / "sample"
        github = [*_MANAGE, "fakegithub", str(sample), "--repo=demo/exporters"]
        github += [f"--others={sample / 'repositories.json'}", f"--port={port['fake GitHub']}"]
        github += [f"--add-to-contents={ROOT / 'monitoring' / 'exporter-hub'}"]
        web = [sys.executable, "-m", "config.server", f"--port={port['hub']}"]
        celery = [sys.executable, "-m", "celery", "--quiet", "--app=config", f"--workdir={ROOT}"]
        flower = [*celery, "flower", f"--conf={ROOT / 'config' / 'flowerconfig.py'}"]
        flower += ["--address=127.0.0.1", f"--port={port['Flower']}"]
        return [
            *([Program("github", github)] if self._demo else []),
            Program("web", web),
            self._worker("worker", celery, {}),
            self._worker("worker-2", celery, self._second_metrics()),
            Program("beat", [*celery, "beat", "--pidfile=", "--loglevel=INFO"]),
            Program("flower", flower),
        ]

    def _worker(self, name: str, celery: list[str], env: dict[str, str]) -> Program:
        """Return one of the two workers (docs/decisions/0006-threads-pool.md)."""
        # Glibc's per-thread arenas fragment.
        variables = [f"{key}={value}" for key, value in {"MALLOC_ARENA_MAX": "2", **env}.items()]
        # nice: web requests have priority.
        command = ["/usr/bin/env", *variables, "nice", "-n", "10", *celery, "worker"]
        command += ["--pool=threads", "--concurrency=25", "--queues=hub,lookups"]
        command += ["--without-gossip", "--without-mingle", "--loglevel=INFO"]
        command += [f"--hostname={name}-{self._ports['hub']}@%h"]
        return Program(name, command)

    def _second_metrics(self) -> dict[str, str]:
        """Return the variable that gives the second worker the port after that of beat."""
        default = f"127.0.0.1:{self._ports['metrics of web']}"
        host, _, port = os.environ.get("HUB_METRICS_ADDR", default).rpartition(":")
        return {"HUB_METRICS_ADDR": f"{host}:{int(port) + 2}"} if port.isdigit() else {}


def _handle_signals() -> None:
    for number in _SIGNALS:
        # `nohup` ignores SIGHUP: keep that. Background jobs of a shell ignore SIGINT: handle it.
        if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Raise `KeyboardInterrupt`, but only once for several signals within a second."""
    global _interrupted_at
    if time.monotonic() - _interrupted_at > 1:
        _interrupted_at = time.monotonic()
        raise KeyboardInterrupt


def _allow_open_files() -> None:
    """Raise the soft limit on open files. Raises `LocalHubError` if the hard limit is too low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if hard != unlimited and hard < _OPEN_FILES:
        raise LocalHubError(
            f"A process may open only {hard} files, and the hub needs {_OPEN_FILES}. Raise the "
            f"limit: `ulimit -Hn {_OPEN_FILES}` as root, or LimitNOFILE={_OPEN_FILES} in systemd."
        )
    if soft != unlimited and soft < _OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, hard))


def _lock_data_dir() -> tuple[Path, FileLock | None]:
    """Return the data folder and its acquired lock, which is None if a hub is running."""
    data_dir = Path(os.environ.get("HUB_DATA_DIR") or ROOT / "data").resolve()
    if len(os.fsencode(data_dir)) > _MAX_PATH_LENGTH:
        raise LocalHubError(
            f"The path of the data folder is longer than {_MAX_PATH_LENGTH} bytes. Set "
            "HUB_DATA_DIR to another folder."
        )
    if not str(data_dir).isprintable():
        raise LocalHubError(
            f"The path of the data folder contains a control character: {str(data_dir)!r}. Set "
            "HUB_DATA_DIR to another folder."
        )
    lock = FileLock(data_dir / "run.lock")
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        return data_dir, None
    except OSError as error:
        raise LocalHubError(
            f"Cannot use the data folder {data_dir}: {error.strerror}. "
            "Set HUB_DATA_DIR to a writable folder."
        ) from error
    return data_dir, lock


def _ports() -> dict[str, int]:
    port = os.environ.get("HUB_PORT") or "8000"
    if not re.fullmatch("[0-9]{4,5}", port) or not 1024 <= int(port) <= 65000:
        raise LocalHubError(f"HUB_PORT is {port!r}. Set it to a number from 1024 to 65000.")
    return ports_from(int(port))


def _make_environment(
    data_dir: Path, ports: dict[str, int], urls: dict[str, str]
) -> dict[str, str]:
    """Write `hub.env` and return its variables, which complement the user's environment."""
    file = data_dir / "hub.env"
    stored = environment.read_environment(file)
    demo_url = f"http://127.0.0.1:{ports['fake GitHub']}"
    made = environment.hub_environment(os.environ, stored, urls, demo_url)
    environment.write_environment(file, made | {"HUB_PORT": str(ports["hub"])})
    return made


def _manage(env: dict[str, str], *command: str) -> str:
    """Run a management command and return its output. Raises `LocalHubError` if it fails."""
    result = subprocess.run(  # noqa: S603 — our own command
        [*_MANAGE, *command], env=env | _SHORT_LOG, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise LocalHubError(f"manage.py {command[0]} failed:\n{result.stderr[-2000:]}")
    if result.stderr:  # such as a warning of a system check
        _print(result.stderr.rstrip())
    return result.stdout


def _is_up(url: str) -> bool:
    with contextlib.suppress(requests.RequestException), requests.Session() as session:
        session.trust_env = False  # no proxy
        return session.get(url, timeout=2).ok
    return False


def _print(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be closed during the shutdown
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def _already_running(data_dir: Path) -> str:
    port = environment.read_environment(data_dir / "hub.env").get("HUB_PORT")
    return (
        f"A hub is already running in {data_dir}"
        + (f":\n{_addresses(ports_from(int(port)))}\n" if port else ". ")
        + "To start a second hub, set another HUB_DATA_DIR and HUB_PORT."
    )


def _addresses(ports: dict[str, int], admin_sign_in: str = "", flower_sign_in: str = "") -> str:
    hub = f"http://127.0.0.1:{ports['hub']}"
    lines = (
        f"  hub       {hub}/",
        f"  admin     {hub}/admin/   {admin_sign_in}",
        f"  Flower    http://127.0.0.1:{ports['Flower']}/   {flower_sign_in}",
        f"  API docs  {hub}/api/v1/docs",
    )
    return "\n".join(line.rstrip() for line in lines)


def _welcome(
    ports: dict[str, int], data_dir: Path, env: dict[str, str], admin: dict[str, str | None]
) -> str:
    sign_in = "password as printed at the first start; `make password` sets a new one"
    if admin["password"]:
        sign_in = f"{admin['username']} / {admin['password']}   (shown only once)"
    source = env["GITHUB_REPO"]
    if env.get("HUB_DEMO") == "true":
        source = f"demo; http://127.0.0.1:{ports['hub']}/setup says how to connect a repository"
    flower_sign_in = env["FLOWER_BASIC_AUTH"].replace(":", " / ", 1)
    metrics = "none, because HUB_METRICS_ADDR is empty"
    if address := env["HUB_METRICS_ADDR"]:
        metrics = f"http://{address}/metrics (web); the others: the next three ports"
    return (
        f"\n{_addresses(ports, sign_in, flower_sign_in)}\n\n"
        f"  contents  {source}\n"
        f"  metrics   {metrics}\n"
        f"  data      {data_dir}   (logs in {data_dir / 'logs'})\n\n"
        "  Press Ctrl-C to stop the hub.\n"
    )
