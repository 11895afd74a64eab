"""The stage: a complete hub with real processes, on free ports and in a temporary folder.

The processes are connected through proxies (`proxies.py`). The fake GitHub is a separate process.
Beat sends a task every second, so that each fault soon affects a run.
"""

import contextlib
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.request import ProxyHandler, build_opener

import psycopg2
import redis
from celery import Celery

from hub.ops.local.ports import free_port
from hub.ops.local.postgres import EmbeddedPostgres
from hub.ops.local.server import EmbeddedServer
from hub.ops.local.valkey import EmbeddedValkey
from tests.common.processes import environment_of_a_hub, manage
from tests.common.waiting import wait_until
from tests.faults.control import client_for
from tests.faults.ledger import Ledger, read_ledger
from tests.faults.parts import Keeper, Part, freeze, thaw
from tests.faults.quota import Quota
from tests.faults.truth import EXPORTERS, Commit, Writer

T = TypeVar("T")

REFRESH_EVERY = 1  # seconds
HOUSEKEEPING_EVERY = 1  # seconds
DEFAULT_HOUSEKEEPING_EVERY = 15  # seconds
DEFAULT_DEADLINE = 900  # seconds
READ_TIMEOUT = 1.0  # seconds, of the hub's requests to GitHub
COMMIT_EVERY = 1.0  # seconds
REPOSITORY = "faults/exporters"
TOKEN = "ghp_" + "faults0secret" * 3

MAP_CACHE_SECONDS = 1.0  # the default

WORKERS = ("worker one", "worker two")
WEB_PROCESSES = 2
_THREADS = 8


class Stage:
    """Context manager that starts and stops all parts, with methods to break and repair them.

    `deadline`: a run's deadline in seconds. `plantable`: run the workers and the web server of
    `planted.py`, in which `plant` can plant defects.
    """

    def __init__(self, *, deadline: int = 4, plantable: bool = False) -> None:
        self.deadline = deadline
        self._app = "tests.faults.planted" if plantable else "config"
        # With caches, readers could miss a defect that is visible for half a second only.
        uncached = {"HUB_MAP_CACHE_SECONDS": "0", "HUB_PAGE_CACHE_SECONDS": "0"}
        self._cache_settings = uncached if plantable else {}
        self._web_module = "tests.faults.planted_web" if plantable else "config.server"
        self._web_processes = 1 if plantable else WEB_PROCESSES
        # Each process keeps its own copy of the map.
        self.lag = MAP_CACHE_SECONDS if self._web_processes > 1 else 0.0
        self._stack = contextlib.ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="hub-faults-"))
        self.folder.chmod(0o711)  # Postgres does not run as root and must reach its cluster
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.quota = Quota.over(self.folder)
        if self.quota:
            self._stack.callback(self.quota.unmount)
            logs = Path(tempfile.mkdtemp(prefix="hub-faults-logs-"))  # outside the quota
            self._stack.callback(shutil.rmtree, logs, ignore_errors=True)
            (self.folder / "logs").symlink_to(logs)
        self._plant = self.folder / "plant"
        self.plant("")
        self.postgres = EmbeddedPostgres(self.folder, free_port())
        self.redis = EmbeddedValkey(self.folder, free_port())
        self.ports = {
            name: free_port()
            for name in (
                *("web", "metrics", "github", "github control", "proxies control"),
                *("postgres proxy", "redis proxy", "github proxy"),
            )
        }
        self.writer = Writer(self._deliver)
        self._connection: Any = None
        self.parts: dict[str, Part] = {}
        self.keeper: Keeper | None = None

    # --- start of the hub -------------------------------------------------------------------------

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        for server in (self.postgres, self.redis):
            self._stack.enter_context(server)
        self.env = self._environment()
        (self.folder / "logs").mkdir(exist_ok=True)
        self.parts = {part.name: part for part in self._make_parts()}
        for part in self.parts.values():
            self._stack.callback(part.stop)
        for name in ("proxies", "github"):
            self.parts[name].start()
        for name in ("proxies", "github"):
            self.parts[name].wait()
        self.writer.begin()
        manage(self.env, "migrate", "--noinput")
        manage(self.env, "importcatalogue", str(self._catalogue()))
        self._tick_often()
        hubs = [part for part in self.parts.values() if part.name not in ("proxies", "github")]
        for part in hubs:
            part.start()
        for part in hubs:
            part.wait()
        self.keeper = Keeper(hubs)
        self.keeper.start()
        self._stack.callback(self.keeper.stop)
        self._stack.callback(self.writer.stop)
        # Without fixups: Django's would make it the default app of every thread.
        self.celery = Celery(broker=self.redis.url, set_as_current=False, fixups=[])
        self.celery.conf.task_default_queue = "hub"
        self.celery.conf.broker_transport_options = {"socket_timeout": 5}

    def _environment(self) -> dict[str, str]:
        def through(url: str, port: int, proxy: str) -> str:
            return url.replace(f":{port}/", f":{self.ports[proxy]}/")

        return environment_of_a_hub(self.folder, "faults") | {
            "DATABASE_URL": through(self.postgres.url, self.postgres.port, "postgres proxy"),
            "REDIS_URL": through(self.redis.url, self.redis.port, "redis proxy"),
            "GITHUB_API_URL": f"http://127.0.0.1:{self.ports['github proxy']}",
            "GITHUB_REPO": REPOSITORY,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_CONNECT_TIMEOUT": "1",
            "GITHUB_READ_TIMEOUT": str(READ_TIMEOUT),
            "GITHUB_RETRIES": "1",
            "GITHUB_POINTS_PER_MINUTE": "60000",  # the budget is on but never limits the requests
            "GITHUB_GRAPHQL_POINTS_PER_MINUTE": "60000",
            "HUB_RUN_DEADLINE_SECONDS": str(self.deadline),
            "HUB_FAULTS_PLANT": str(self._plant),
            "HUB_METRICS_ADDR": "",  # only web serves metrics
            **self._cache_settings,
        }

    def _make_parts(self) -> Iterator[Part]:
        ports = self.ports
        yield self._part(
            "proxies",
            "tests.faults.proxies",
            str(ports["proxies control"]),
            f"postgres:{ports['postgres proxy']}:{self.postgres.port}",
            f"redis:{ports['redis proxy']}:{self.redis.port}",
            f"github:{ports['github proxy']}:{ports['github']}",
            is_ready=lambda _: _responds(ports["proxies control"]),
        )
        yield self._part(
            "github",
            "tests.faults.github",
            *(str(ports["github control"]), str(ports["github"]), REPOSITORY, TOKEN),
            is_ready=lambda _: _responds(ports["github control"]),
        )
        for name in WORKERS:
            yield self._part(
                name,
                *("celery", f"--app={self._app}", "worker", "--pool=threads"),
                *(f"--concurrency={_THREADS}", "--queues=hub,lookups", "--loglevel=INFO"),
                *("--without-gossip", "--without-mingle"),
                f"--hostname={name.replace(' ', '-')}@faults",
                is_ready=lambda part: "first run:" in part.output(),
            )
        yield self.make_beat("beat")
        web = self._part(
            "web",
            *(self._web_module, f"--port={ports['web']}", f"--workers={self._web_processes}"),
            is_ready=lambda _: self._web_responds(),
        )
        web.env = self.env | {"HUB_METRICS_ADDR": f"127.0.0.1:{ports['metrics']}"}
        yield web

    def make_beat(self, name: str) -> Part:
        """Return another beat process."""
        return self._part(
            name,
            *("celery", "--app=config", "beat", "--pidfile=", "--loglevel=INFO"),
            is_ready=lambda part: "beat: Starting" in part.output(),
        )

    def _part(self, name: str, *command: str, is_ready: Callable[[Part], bool]) -> Part:
        log = self.folder / "logs" / f"{name.replace(' ', '-')}.log"
        return Part(name, list(command), self.env, log, is_ready=is_ready)

    def _catalogue(self) -> Path:
        file = self.folder / "catalogue.csv"
        lines = ["slug,title,project_name,repository,category,official,description"]
        for name in EXPORTERS:
            slug = name.lower()
            lines.append(
                f"{slug},{name},{name},https://github.com/faults/{slug},Other,0,Of {name}."
            )
        file.write_text("\n".join(lines) + "\n")
        return file

    def _tick_often(self) -> None:
        for task, every in (
            ("tasks.refresh.start_scheduled_refresh", REFRESH_EVERY),
            ("tasks.housekeeping.housekeeping", HOUSEKEEPING_EVERY),
        ):
            self.execute(
                "WITH often AS (INSERT INTO django_celery_beat_intervalschedule (every, period)"
                " VALUES (%s, 'seconds') RETURNING id)"
                " UPDATE django_celery_beat_periodictask SET interval_id = (SELECT id FROM often),"
                " expire_seconds = %s WHERE task = %s",
                [every, every, task],
            )

    def _web_responds(self) -> bool:
        try:
            opener = build_opener(ProxyHandler({}))
            opener.open(f"http://127.0.0.1:{self.ports['web']}/readyz", timeout=2).close()
        except OSError:
            return False
        return True

    def plant(self, name: str) -> None:
        """Plant a defect of `planted.PLANTS` in the workers; "" removes it."""
        self._plant.write_text(name)

    def reset_hub(self) -> None:
        """Delete all runs and snapshots and keep the catalogue."""
        self.execute(
            "TRUNCATE hub_refreshrun, hub_lookup, hub_snapshot, hub_exportercontents, hub_change,"
            " hub_servedcontents CASCADE"
        )

    # --- the parts --------------------------------------------------------------------------------

    @property
    def github(self) -> Any:
        """A client for the fake GitHub (`github.Host`)."""
        return client_for(self.ports["github control"])

    @property
    def proxies(self) -> Any:
        """A client for the proxies (`proxies.Proxies`)."""
        return client_for(self.ports["proxies control"])

    def _deliver(self, objects: list[list[Any]], branches: dict[str, str], forget: bool) -> None:
        self.github.push(objects, branches, forget)

    def restart(self, name: str) -> None:
        """Start a part that was killed, and wait until it is ready."""
        part = self.parts[name]
        if not part.runs:
            part.start()
        part.wait()
        if name == "github":
            self.writer.shown_again()

    def restore_all(self) -> None:
        """Start all parts that a fault without repair has left stopped."""
        for server in (self.postgres, self.redis):
            if not server.accepts_connections():
                server.stop()
                server.start()
        for name, part in self.parts.items():
            if not part.runs:
                self.restart(name)

    def worker_at(self, task: str) -> Part:
        """Wait until a worker runs a task of this name, and return the worker."""

        def busy_worker() -> Part | None:
            return next((w for w in self.workers if w.runs and _at(task, w.recent_output())), None)

        return wait_until(busy_worker, f"a worker to run {task}")

    @property
    def workers(self) -> list[Part]:
        """Both workers."""
        return [self.parts[name] for name in WORKERS]

    # --- the hub's data and messages --------------------------------------------------------------

    def query(self, statement: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run a query directly on Postgres, without proxy and models, and return the rows."""
        return self._ask(statement, values, lambda cursor: list(cursor.fetchall()))

    def execute(self, statement: str, values: list[Any] | None = None) -> None:
        """Run a statement directly on Postgres."""
        self._ask(statement, values, lambda _: None)

    def _ask(self, statement: str, values: list[Any] | None, answer: Callable[[Any], T]) -> T:
        """Run a statement on the shared connection, and reconnect if it is closed."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg2.connect(self.postgres.url, connect_timeout=5)
            self._connection.autocommit = True
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement, values)
                return answer(cursor)
        except psycopg2.OperationalError:
            if not self._connection.closed:
                raise
        return self._ask(statement, values, answer)

    @contextlib.contextmanager
    def locked(self, statement: str) -> Iterator[None]:
        """Hold the locks of `statement` inside the block."""
        connection = psycopg2.connect(self.postgres.url, connect_timeout=5)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                yield
        finally:
            connection.close()

    def ledger(self) -> Ledger:
        """Return a consistent snapshot of the data in Postgres."""
        connection = psycopg2.connect(self.postgres.url, connect_timeout=5)
        try:
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
            with connection, connection.cursor() as cursor:

                def query(statement: str) -> list[tuple[Any, ...]]:
                    cursor.execute(statement)
                    return list(cursor.fetchall())

                return read_ledger(query)
        finally:
            connection.close()

    def broker(self) -> "redis.Redis[bytes]":
        """Return a direct connection to Redis, without proxy."""
        return redis.Redis.from_url(self.redis.url, socket_timeout=5)

    def tick(self) -> None:
        """Start a refresh without waiting for beat."""
        self.send("tasks.refresh.start_scheduled_refresh")

    def send(self, task: str, *arguments: Any) -> str:
        """Send a task and return its id."""
        sent = self.celery.send_task(task, args=list(arguments), ignore_result=True, expires=30)
        return str(sent.id)

    def newest_run(self) -> int:
        """Return the number of the last finished run."""
        newest = "SELECT coalesce(max(id), 0) FROM hub_refreshrun WHERE finished_at IS NOT NULL"
        return int(self.query(newest)[0][0])

    def wait_for_end(self, after: int, seconds: float = 30.0) -> str:
        """Wait until a run newer than `after` has finished, and return its status."""

        def ended() -> str:
            rows = self.query(
                "SELECT status FROM hub_refreshrun WHERE id > %s AND finished_at IS NOT NULL",
                [after],
            )
            return str(rows[0][0]) if rows else ""

        return wait_until(ended, f"a run after {after} to end", seconds=seconds)

    def wait_for_status(self, after: int, status: str) -> int:
        """Wait until a run newer than `after` has this status, and return its number."""

        def matching_run() -> int:
            rows = self.query(
                "SELECT id FROM hub_refreshrun WHERE id > %s AND status = %s", [after, status]
            )
            return int(rows[0][0]) if rows else 0

        return wait_until(matching_run, f"a run after {after} to be {status}")

    def wait_for_list_of(self, commit: Commit) -> int:
        """Wait until a run has listed this commit, and return the number of the first such run."""

        def first_run() -> int:
            rows = self.query(
                "SELECT min(id) FROM hub_refreshrun WHERE root_sha = %s", [commit.tree_sha]
            )
            return int(rows[0][0] or 0)

        return wait_until(first_run, f"a run to list commit {commit.number}")

    def wait_for_complete(self, commit: Commit) -> None:
        """Wait until this commit is published without stale entries."""
        complete = "SELECT 1 FROM hub_snapshot WHERE root_sha = %s AND complete"
        wait_until(
            lambda: self.query(complete, [commit.tree_sha]),
            f"commit {commit.number} to be published",
        )

    def failures_of(self, commit: Commit) -> set[str]:
        """Return the reasons of failed lookups in the runs that listed this commit."""
        rows = self.query(
            "SELECT DISTINCT hub_lookup.reason FROM hub_lookup JOIN hub_refreshrun"
            " ON run_id = hub_refreshrun.id WHERE root_sha = %s"
            " AND hub_lookup.outcome IN ('failed', 'missing')",
            [commit.tree_sha],
        )
        return {str(reason) for (reason,) in rows}

    def wait_for_blocked(self, part: str) -> None:
        """Wait until a statement that contains `part` waits for a lock in Postgres."""
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
        wait_until(lambda: self.query(waiting, [f"%{part}%"]), f"a lock on {part} to block")

    def wait_for_all_received(self, run: int) -> None:
        """Wait until workers have received and recorded a message for each pending lookup."""
        pending = "SELECT count(*) FROM hub_lookup WHERE run_id = %s AND outcome = 'pending'"

        def received() -> bool:
            active = {
                id_ for w in self.workers for id_ in _at("lookup_directory", w.recent_output())
            }
            return len(active) >= int(self.query(pending, [run])[0][0])

        wait_until(received, f"all lookups of run {run} to be received")

    def wait_for_outcome(self, run: int) -> None:
        """Wait until a lookup of the run has committed."""
        done = "SELECT 1 FROM hub_lookup WHERE run_id = %s AND outcome <> 'pending'"
        wait_until(lambda: self.query(done, [run]), f"a lookup of run {run} to commit")

    def wait_for_second_delivery(self, task: str) -> None:
        """Wait until a message of this task is received again while a worker processes it."""

        def twice() -> bool:
            active = [id_ for worker in self.workers for id_ in _at(task, worker.recent_output())]
            received = [
                id_ for worker in self.workers for id_ in _received(task, worker.recent_output())
            ]
            return any(received.count(id_) > 1 for id_ in active)

        wait_until(twice, f"{task} to be delivered twice")

    def wait_for_consumers(self) -> None:
        """Wait until both workers wait for messages.

        While Redis is down, they retry with increasing delays of up to half a minute.
        """

        def waiting() -> bool:
            clients = self.broker().client_list()
            return sum(client["cmd"] == "brpop" for client in clients) >= len(WORKERS)

        wait_until(waiting, "both workers to wait for messages", seconds=45)

    def wait_until_done(self, messages: list[str]) -> None:
        """Wait until the workers have processed all of these messages."""

        def done() -> bool:
            ended = {id_ for worker in self.workers for id_ in _ended(worker.recent_output())}
            return ended.issuperset(messages)

        wait_until(done, "messages to be processed")

    @staticmethod
    def wait(seconds: float) -> None:
        """Let a fault last for some time."""
        time.sleep(seconds)

    def wait_for_rest(self) -> None:
        """Wait until no run is open, so that the next tick starts a new run."""
        is_open = "SELECT 1 FROM hub_refreshrun WHERE finished_at IS NULL"
        wait_until(lambda: not self.query(is_open), "the open run to end")

    def wait_for_strike(self, number: int, times: int = 1) -> None:
        """Wait until a fault of the fake GitHub has affected `times` requests."""
        wait_until(lambda: self.github.struck(number) >= times, "a request to meet GitHub's fault")

    def postpone_deadline(self, run: int, seconds: int) -> None:
        """Postpone a run's deadline until after the redelivery, as in production."""
        self.execute(
            "UPDATE hub_refreshrun SET deadline = deadline + %s * interval '1 second'"
            " WHERE id = %s",
            [seconds, run],
        )

    @contextlib.contextmanager
    def default_recovery(self) -> Iterator[None]:
        """Inside the block, beat sends housekeeping as often as by default, not each second."""
        self._housekeep_every(DEFAULT_HOUSEKEEPING_EVERY)
        try:
            yield
        finally:
            self._housekeep_every(HOUSEKEEPING_EVERY)

    def _housekeep_every(self, seconds: int) -> None:
        self.execute(
            "UPDATE django_celery_beat_intervalschedule SET every = %s WHERE id ="
            " (SELECT interval_id FROM django_celery_beat_periodictask WHERE task = %s);"
            " UPDATE django_celery_beat_periodictasks SET last_update = clock_timestamp()",
            [seconds, "tasks.housekeeping.housekeeping"],
        )

    def forget_redis_data(self) -> None:
        """Delete the data of Redis, which must be stopped."""
        shutil.rmtree(self.redis.home / "appendonlydir")

    def forget_results(self) -> None:
        """Delete Celery's results and chord counters, but not the messages."""
        broker = self.broker()
        keys = broker.keys("celery-task*")
        assert keys, "Celery has stored no results"
        broker.delete(*keys)

    @contextlib.contextmanager
    def frozen_server(self, server: EmbeddedServer) -> Iterator[None]:
        """Suspend Postgres or Redis, with all its processes, inside the block."""
        assert server.process is not None
        freeze(server.process.pid)
        try:
            yield
        finally:
            thaw(server.process.pid)

    def age_messages(self) -> None:
        """Make the visibility timeout of all unacknowledged messages expire.

        The workers then return these messages to the queue.
        """
        broker = self.broker()
        for tag in broker.zrange("unacked_index", 0, -1):
            broker.zadd("unacked_index", {tag: time.time() - 100_000}, xx=True)

    def finish_old_messages(self) -> None:
        """Wait until no message is unacknowledged, also none of a worker that was killed.

        Otherwise `age_messages` would have them delivered together with those of the fault.
        """
        broker = self.broker()
        self.age_messages()
        wait_until(
            lambda: not any(map(broker.exists, ("unacked_index", "hub", "lookups"))),
            "the messages of killed workers to be processed",
        )

    def lose_messages(self) -> None:
        """Delete the unacknowledged messages, as if no worker had recorded them."""
        self.broker().delete("unacked", "unacked_index")


def _responds(port: int) -> bool:
    try:
        return bool(client_for(port).ping())
    except OSError:
        return False


def _received(task: str, log: str) -> list[str]:
    """Return the task ids in a worker's log, one for each delivery."""
    return re.findall(rf"Task \S*{task}\[([0-9a-f-]+)\] received", log)


def _at(task: str, log: str) -> set[str]:
    """Return the ids of tasks that the worker has received and not finished."""
    return set(_received(task, log)) - _ended(log)


def _ended(log: str) -> set[str]:
    return set(re.findall(r"Task \S+\[([0-9a-f-]+)\] (?:succeeded|raised|retry)", log))
