"""`make run`, top to bottom, and management commands on its hub (`make backup`, `make restore`)."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from hub.ops.local import environment
from hub.ops.local.ports import free_port, is_free, ports_from
from hub.ops.local.postgres import EmbeddedPostgres
from hub.ops.local.server import EmbeddedServer, ServerError
from hub.ops.local.supervisor import MARK, Program, Supervisor, end_leftovers
from hub.ops.local.valkey import EmbeddedValkey

ROOT = Path(__file__).resolve().parents[3]
_WEB_WITHIN = 60  # seconds
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_interrupted_at = float("-inf")  # time.monotonic()


class Refusal(Exception):
    """The hub cannot run here; the text says why and what to do."""


def run() -> None:
    """Start the hub, say where it is, and stay until it is interrupted. Then end all of it."""
    _mind_signals()
    data_dir = _data_dir()
    ports = _ports()
    lock = _lock(data_dir)
    if lock is None:
        raise Refusal(_runs_already(data_dir))
    with lock:
        servers = _servers(data_dir, ports)
        demo = environment.is_demo(os.environ)
        try:
            if end_leftovers(data_dir):
                _say("ended what an earlier hub had left running")
            _refuse_taken_ports(ports, servers, demo=demo)
            _run(data_dir, ports, servers, demo=demo)
        except ServerError as error:
            raise Refusal(str(error)) from error


def manage(command: list[str]) -> int:
    """Run a management command on this machine's hub, which may run or not; its exit code.

    While no hub runs, the embedded Postgres is started for the command alone.
    """
    _mind_signals()
    data_dir = _data_dir()
    words = [sys.executable, str(ROOT / "manage.py"), *command]
    lock = _lock(data_dir)
    if lock is None or os.environ.get("DATABASE_URL"):
        return subprocess.call(words, env=os.environ | {"HUB_DATA_DIR": str(data_dir)})  # noqa: S603 — our own command
    with lock:
        end_leftovers(data_dir)
        try:
            with EmbeddedPostgres(data_dir, free_port()) as postgres:
                # Redis is not asked; the settings only want its address.
                urls = {"DATABASE_URL": postgres.url, "REDIS_URL": EmbeddedValkey(data_dir, 0).url}
                if not (data_dir / "hub.env").exists():
                    _make_environment(data_dir, _ports(), urls)
                env = os.environ | urls | {"HUB_DATA_DIR": str(data_dir)}
                return subprocess.call(words, env=env)  # noqa: S603 — our own command
        except ServerError as error:
            raise Refusal(str(error)) from error


def _mind_signals() -> None:
    for number in _SIGNALS:
        # `nohup make run` means it. Ctrl-C does not get lost: a shell's background job ignores it.
        if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _data_dir() -> Path:
    data_dir = Path(os.environ.get("HUB_DATA_DIR") or ROOT / "data").resolve()
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise _unusable(data_dir, fault) from fault
    return data_dir


def _lock(data_dir: Path) -> FileLock | None:
    """The data folder's lock, taken; None while a hub runs in it."""
    lock = FileLock(data_dir / "run.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    except OSError as fault:
        raise _unusable(data_dir, fault) from fault
    return lock


def _unusable(data_dir: Path, fault: OSError) -> Refusal:
    return Refusal(
        f"The data folder {data_dir} cannot be used ({fault.strerror}). "
        "Set HUB_DATA_DIR to one that you may write to."
    )


def _make_environment(
    data_dir: Path, ports: dict[str, int], urls: dict[str, str]
) -> dict[str, str]:
    """What the hub's processes need besides the user's environment; written to `hub.env`."""
    file = data_dir / "hub.env"
    made = environment.hub_environment(
        os.environ,
        environment.read(file),
        urls,
        f"http://127.0.0.1:{ports['fake GitHub']}",
    )
    environment.write(file, made | {"HUB_PORT": str(ports["hub"])})
    return made


def _run(
    data_dir: Path, ports: dict[str, int], servers: dict[str, EmbeddedServer], *, demo: bool
) -> None:
    _say("preparing Postgres and Redis" if servers else "using your Postgres and Redis")
    for server in servers.values():
        server.prepare()
        if isinstance(server, EmbeddedPostgres) and server.is_elsewhere:
            _say(
                f"Postgres' data is in {server.home}, "
                f"because {server.user}, who runs it, cannot reach {data_dir}"
            )
    urls = {variable: server.url for variable, server in servers.items()}
    made = _make_environment(data_dir, ports, urls)
    child = environment.for_processes(os.environ, made)
    child |= {"HUB_DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT), MARK: str(data_dir)}
    if demo:
        child["FAKEGITHUB_TOKEN"] = made["GITHUB_TOKEN"]
    supervisor = Supervisor(_programs(data_dir, ports, servers, demo=demo), data_dir, child)
    try:
        supervisor.start()
        for server in servers.values():
            server.wait_until_ready()
            _say(f"{server.name} is ready")
        _manage(child, "migrate", "--noinput")
        _say("the database is migrated")
        _manage(child, "importcatalogue", "--only-new")
        admin = json.loads(_manage(child, "ensureadmin", "--json"))
        for name in (["github"] if demo else []) + ["web", "worker", "beat", "flower"]:
            supervisor.start_program(name)
        _wait_for_web(f"http://127.0.0.1:{ports['hub']}/healthz", data_dir)
        _say(_welcome(ports, data_dir, child, admin))
        supervisor.wait()
        raise Refusal(f"supervisord ended by itself; see {data_dir}/logs/supervisord.log")
    finally:
        for number in _SIGNALS:  # a further Ctrl-C does not cut this short
            signal.signal(number, signal.SIG_IGN)
        _say("stopping …")
        supervisor.stop()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Leave whatever is being done. A signal that follows at once is the same wish."""
    global _interrupted_at
    if time.monotonic() - _interrupted_at > 1:
        _interrupted_at = time.monotonic()
        raise KeyboardInterrupt


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal is gone; all still has to be ended
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def _ports() -> dict[str, int]:
    given = os.environ.get("HUB_PORT") or "8000"
    if not given.isdigit() or not 1024 <= int(given) <= 65000:
        raise Refusal(f"HUB_PORT is {given!r}: a number from 1024 to 65000 is needed")
    return ports_from(int(given))


def _runs_already(data_dir: Path) -> str:
    port = environment.read(data_dir / "hub.env").get("HUB_PORT")
    return (
        f"The hub of {data_dir} runs already"
        + (f":\n{_addresses(ports_from(int(port)))}\n" if port else ". ")
        + "A second one needs its own HUB_DATA_DIR and HUB_PORT."
    )


def _servers(data_dir: Path, ports: dict[str, int]) -> dict[str, EmbeddedServer]:
    """The embedded servers by the variable that would name another one."""
    servers: dict[str, EmbeddedServer] = {}
    if not os.environ.get("DATABASE_URL"):
        servers["DATABASE_URL"] = EmbeddedPostgres(data_dir, ports["Postgres"])
    if not os.environ.get("REDIS_URL"):
        servers["REDIS_URL"] = EmbeddedValkey(data_dir, ports["Redis"])
    return servers


def _refuse_taken_ports(
    ports: dict[str, int], servers: dict[str, EmbeddedServer], *, demo: bool
) -> None:
    needed = {"hub", "Flower"} | {server.name for server in servers.values()}
    if demo:
        needed.add("fake GitHub")
    for name, port in ports.items():
        if name in needed and not is_free(port):
            raise Refusal(
                f"Port {port} ({name}) is taken. Set HUB_PORT to another number, for example "
                f"HUB_PORT={ports['hub'] + 100}; the other ports follow it."
            )


def _programs(
    data_dir: Path, ports: dict[str, int], servers: dict[str, EmbeddedServer], *, demo: bool
) -> list[Program]:
    python = [sys.executable, "-m"]
    manage = [sys.executable, str(ROOT / "manage.py")]
    celery = [*python, "celery", "--app=config", f"--workdir={ROOT}"]
    programs = [
        Program(
            server.name.lower(),
            # With an environment of its own: the hub's secrets are not a server's business.
            [
                "/usr/bin/env",
                "-i",
                f"{MARK}={data_dir}",
                *(f"{name}={value}" for name, value in server.environment.items()),
                *server.command,
            ],
            priority=priority,
            user=server.user,
            stop_signal="INT",  # Postgres' fast shutdown; Valkey takes it alike
        )
        # Postgres comes first in `servers` and, being the lowest, ends last.
        for priority, server in enumerate(servers.values(), start=10)
    ]
    if demo:
        sample = ROOT / "hub" / "demo" / "sample"
        port = ports["fake GitHub"]
        programs.append(
            Program(
                "github",
                [
                    *manage,
                    "fakegithub",
                    str(sample),
                    "--repo=demo/exporters",
                    f"--others={sample / 'repositories.json'}",
                    f"--port={port}",
                ],
            )
        )
    # Each thread of the web keeps a connection to Postgres, which takes 200.
    web = [*python, "granian", "--interface=wsgi", "--host=127.0.0.1", f"--port={ports['hub']}"]
    web += ["--blocking-threads=8"]
    return [
        *programs,
        Program("web", [*web, f"--working-dir={ROOT}", "config.wsgi:application"]),
        Program(
            "worker",
            [
                # glibc gives each few threads a heap of their own, which they leave full of holes.
                *("/usr/bin/env", "MALLOC_ARENA_MAX=2"),
                *("nice", "-n", "10"),  # readers come first
                *celery,
                "worker",
                "--pool=threads",
                "--concurrency=32",
                "--queues=hub,lookups",
                "--without-gossip",
                "--without-mingle",
                "--loglevel=INFO",
                f"--hostname=worker-{ports['hub']}@%h",
            ],
        ),
        Program("beat", [*celery, "beat", "--pidfile=", "--loglevel=INFO"]),
        Program("flower", [*celery, "flower", "--address=127.0.0.1", f"--port={ports['Flower']}"]),
    ]


def _manage(env: dict[str, str], *command: str) -> str:
    """Run a management command; its output. Raises `ServerError` with its own words."""
    result = subprocess.run(  # noqa: S603 — our own command
        [sys.executable, str(ROOT / "manage.py"), *command],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise ServerError(f"manage.py {command[0]} failed:\n{result.stderr[-2000:]}")
    return result.stdout


def _wait_for_web(url: str, data_dir: Path) -> None:
    until = time.monotonic() + _WEB_WITHIN
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            opener.open(url, timeout=2).close()
        except (http.client.HTTPException, OSError):  # URLError is an OSError
            if time.monotonic() > until:
                raise ServerError(f"the web server does not answer; see {data_dir}/logs") from None
            time.sleep(0.1)
        else:
            return


def _addresses(ports: dict[str, int], admin_sign_in: str = "", flower_sign_in: str = "") -> str:
    hub = f"http://127.0.0.1:{ports['hub']}"
    return "\n".join(
        line.rstrip()
        for line in (
            f"  hub       {hub}/",
            f"  admin     {hub}/admin/   {admin_sign_in}",
            f"  Flower    http://127.0.0.1:{ports['Flower']}/   {flower_sign_in}",
            f"  API docs  {hub}/api/v1/docs",
        )
    )


def _welcome(
    ports: dict[str, int], data_dir: Path, env: dict[str, str], admin: dict[str, str | None]
) -> str:
    user, _, password = env["FLOWER_BASIC_AUTH"].partition(":")
    sign_in = (
        f"{admin['username']} / {admin['password']}   (shown this once)"
        if admin["password"]
        else "with the password of the first start; `make password` sets a new one"
    )
    source = (
        "demo data (set GITHUB_TOKEN to read a real repository)"
        if env.get("HUB_DEMO") == "true"
        else env.get("GITHUB_REPO", "NexClipper/exporterhub.io")
    )
    return (
        f"\n{_addresses(ports, sign_in, f'{user} / {password}')}\n\n"
        f"  contents  {source}\n"
        f"  data      {data_dir}   (logs in {data_dir / 'logs'})\n\n"
        "  Ctrl-C ends everything.\n"
    )
