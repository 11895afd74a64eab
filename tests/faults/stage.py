"""The stage: every part of the hub as it really runs, on free ports, in a temporary folder.

Between the parts are proxies (`proxies.py`). The fake GitHub is a process of its own, and beat
ticks every second, so that a fault meets a run at once.
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
from tests.faults.control import line_to
from tests.faults.ledger import Ledger, read_ledger
from tests.faults.parts import Keeper, Part, freeze, thaw
from tests.faults.quota import Quota
from tests.faults.truth import EXPORTERS, Commit, Writer

T = TypeVar("T")

REFRESH_EVERY = 1  # seconds
HOUSEKEEPING_EVERY = 1  # seconds
READ_TIMEOUT = 1.0  # seconds, of the hub's requests to GitHub
COMMIT_EVERY = 1.0  # seconds
REPOSITORY = "faults/exporters"
TOKEN = "ghp_" + "faults0secret" * 3

WORKERS = ("worker one", "worker two")
_THREADS = 8


class Stage:
    """The parts and what can be done to them; a context manager that ends all of them.

    `deadline` is a run's, in seconds. With `plantable`, the workers are those of `planted.py`, and
    `plant` says with which defect.
    """

    def __init__(self, *, deadline: int = 4, plantable: bool = False) -> None:
        self.deadline = deadline
        self._app = "tests.faults.planted" if plantable else "config"
        # What a defect serves for half a second, readers of a copy would miss.
        uncached = {"HUB_MAP_CACHE_SECONDS": "0", "HUB_PAGE_CACHE_SECONDS": "0"}
        self._copies = uncached if plantable else {}
        self._stack = contextlib.ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="hub-faults-"))
        self.folder.chmod(0o711)  # Postgres does not run as root and has to reach its cluster
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.quota = Quota.over(self.folder)
        if self.quota:
            self._stack.callback(self.quota.unmount)
            logs = Path(tempfile.mkdtemp(prefix="hub-faults-logs-"))  # not in the quota
            self._stack.callback(shutil.rmtree, logs, ignore_errors=True)
            (self.folder / "logs").symlink_to(logs)
        self._plant = self.folder / "plant"
        self.plant("")
        self.postgres = EmbeddedPostgres(self.folder, free_port())
        self.redis = EmbeddedValkey(self.folder, free_port())
        self.ports = {
            name: free_port()
            for name in (
                *("web", "github", "github control", "proxies control"),
                *("postgres proxy", "redis proxy", "github proxy"),
            )
        }
        self.writer = Writer(self._deliver)
        self._connection: Any = None
        self.parts: dict[str, Part] = {}
        self.keeper: Keeper | None = None

    # --- from nothing to a hub that serves --------------------------------------------------------

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
            "GITHUB_POINTS_PER_MINUTE": "60000",  # the shared budget is on, and never the brake
            "GITHUB_GRAPHQL_POINTS_PER_MINUTE": "60000",
            "HUB_RUN_DEADLINE_SECONDS": str(self.deadline),
            "HUB_FAULTS_PLANT": str(self._plant),
            **self._copies,
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
            is_ready=lambda _: _answers(ports["proxies control"]),
        )
        yield self._part(
            "github",
            "tests.faults.github",
            *(str(ports["github control"]), str(ports["github"]), REPOSITORY, TOKEN),
            is_ready=lambda _: _answers(ports["github control"]),
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
        yield self._part(
            "web",
            *("granian", "--interface=wsgi", "--host=127.0.0.1", f"--port={ports['web']}"),
            *("--blocking-threads=8", "config.wsgi:application"),
            is_ready=lambda _: self._web_answers(),
        )

    def make_beat(self, name: str) -> Part:
        """A beat; the stage has one already."""
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

    def _web_answers(self) -> bool:
        try:
            opener = build_opener(ProxyHandler({}))
            opener.open(f"http://127.0.0.1:{self.ports['web']}/healthz", timeout=2).close()
        except OSError:
            return False
        return True

    def plant(self, name: str) -> None:
        """Let the workers have a defect of `planted.PLANTS` from now on; "": none."""
        self._plant.write_text(name)

    def begin_anew(self) -> None:
        """Forget every run and snapshot, for a new hub with the catalogue that there is."""
        self.execute(
            "TRUNCATE hub_refreshrun, hub_lookup, hub_snapshot, hub_exportercontents, hub_change,"
            " hub_servedcontents CASCADE"
        )

    # --- the parts --------------------------------------------------------------------------------

    @property
    def github(self) -> Any:
        """The line to the fake GitHub: `github.Host`."""
        return line_to(self.ports["github control"])

    @property
    def proxies(self) -> Any:
        """The line to the proxies: `proxies.Proxies`."""
        return line_to(self.ports["proxies control"])

    def _deliver(self, objects: list[list[Any]], branches: dict[str, str], forget: bool) -> None:
        self.github.push(objects, branches, forget)

    def back(self, name: str) -> None:
        """Start a part that was killed, and return when it can be used."""
        part = self.parts[name]
        if not part.runs:
            part.start()
        part.wait()
        if name == "github":
            self.writer.shown_again()

    def all_back(self) -> None:
        """Start whatever a fault that was not repaired has left away."""
        for server in (self.postgres, self.redis):
            if not server.answers():
                server.stop()
                server.start()
        for name, part in self.parts.items():
            if not part.runs:
                self.back(name)

    def worker_at(self, task: str) -> Part:
        """The worker that is at a task of this name; waits until one is."""

        def at_it() -> Part | None:
            return next((w for w in self.workers if w.runs and _at(task, w.recent_output())), None)

        return wait_until(at_it, f"a worker to be at {task}")

    @property
    def workers(self) -> list[Part]:
        """Both."""
        return [self.parts[name] for name in WORKERS]

    # --- what the hub holds and does --------------------------------------------------------------

    def query(self, statement: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Rows, straight from Postgres: through no proxy, through no model."""
        return self._ask(statement, values, lambda cursor: list(cursor.fetchall()))

    def execute(self, statement: str, values: list[Any] | None = None) -> None:
        """Change something in Postgres, as time or an admin would."""
        self._ask(statement, values, lambda _: None)

    def _ask(self, statement: str, values: list[Any] | None, answer: Callable[[Any], T]) -> T:
        """Over one connection, made anew when Postgres was away meanwhile."""
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
        """Hold the locks that `statement` takes."""
        connection = psycopg2.connect(self.postgres.url, connect_timeout=5)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                yield
        finally:
            connection.close()

    def ledger(self) -> Ledger:
        """All that Postgres holds, of one moment."""
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
        """Redis itself, through no proxy."""
        return redis.Redis.from_url(self.redis.url, socket_timeout=5)

    def tick(self) -> None:
        """A refresh now instead of at beat's next tick."""
        self.send("tasks.refresh.start_scheduled_refresh")

    def send(self, task: str, *arguments: Any) -> str:
        """Put a message in the queue; its id."""
        sent = self.celery.send_task(task, args=list(arguments), ignore_result=True, expires=30)
        return str(sent.id)

    def newest_run(self) -> int:
        """The number of the last run that has ended; one that is open may still list."""
        newest = "SELECT coalesce(max(id), 0) FROM hub_refreshrun WHERE finished_at IS NOT NULL"
        return int(self.query(newest)[0][0])

    def wait_for_end(self, after: int, seconds: float = 30.0) -> str:
        """How a run ended that began after run `after`; waits until one has."""

        def ended() -> str:
            rows = self.query(
                "SELECT status FROM hub_refreshrun WHERE id > %s AND finished_at IS NOT NULL",
                [after],
            )
            return str(rows[0][0]) if rows else ""

        return wait_until(ended, f"a run after {after} to end", seconds=seconds)

    def wait_for_status(self, after: int, status: str) -> int:
        """The number of a run that began after run `after` and stands at `status`."""

        def there() -> int:
            rows = self.query(
                "SELECT id FROM hub_refreshrun WHERE id > %s AND status = %s", [after, status]
            )
            return int(rows[0][0]) if rows else 0

        return wait_until(there, f"a run after {after} to be {status}")

    def wait_for_list_of(self, commit: Commit) -> int:
        """The number of the first run that has listed what this commit, new to GitHub, holds."""

        def there() -> int:
            rows = self.query(
                "SELECT min(id) FROM hub_refreshrun WHERE root_sha = %s", [commit.tree_sha]
            )
            return int(rows[0][0] or 0)

        return wait_until(there, f"a run to list commit {commit.number}")

    def wait_for_complete(self, commit: Commit) -> None:
        """Return when this commit is published, and nothing of it is stale."""
        there = "SELECT 1 FROM hub_snapshot WHERE root_sha = %s AND complete"
        wait_until(
            lambda: self.query(there, [commit.tree_sha]), f"commit {commit.number} to be published"
        )

    def failures_of(self, commit: Commit) -> set[str]:
        """Why lookups of the runs that listed this commit failed; empty when none did."""
        rows = self.query(
            "SELECT DISTINCT hub_lookup.reason FROM hub_lookup JOIN hub_refreshrun"
            " ON run_id = hub_refreshrun.id WHERE root_sha = %s"
            " AND hub_lookup.outcome IN ('failed', 'missing')",
            [commit.tree_sha],
        )
        return {str(reason) for (reason,) in rows}

    def wait_for_blocked(self, part: str) -> None:
        """Return when a process of the hub waits in Postgres for a lock, with a statement that has
        this part: a table's name, or more."""
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
        wait_until(lambda: self.query(waiting, [f"%{part}%"]), f"someone to wait for {part}")

    def wait_for_all_received(self, run: int) -> None:
        """Return when workers have, and have noted to have, a message for every open lookup."""
        pending = "SELECT count(*) FROM hub_lookup WHERE run_id = %s AND outcome = 'pending'"

        def received() -> bool:
            at_it = {
                id_ for w in self.workers for id_ in _at("lookup_directory", w.recent_output())
            }
            return len(at_it) >= int(self.query(pending, [run])[0][0])

        wait_until(received, f"all lookups of run {run} to be received")

    def wait_for_outcome(self, run: int) -> None:
        """Return when a lookup of the run has committed."""
        there = "SELECT 1 FROM hub_lookup WHERE run_id = %s AND outcome <> 'pending'"
        wait_until(lambda: self.query(there, [run]), f"a lookup of run {run} to commit")

    def wait_for_second_delivery(self, task: str) -> None:
        """Return when a worker has got a message of this task that one is already at."""

        def twice() -> bool:
            at_it = [id_ for worker in self.workers for id_ in _at(task, worker.recent_output())]
            received = [
                id_ for worker in self.workers for id_ in _received(task, worker.recent_output())
            ]
            return any(received.count(id_) > 1 for id_ in at_it)

        wait_until(twice, f"{task} to be delivered twice")

    def wait_for_consumers(self) -> None:
        """Return when both workers wait for messages: after Redis was away they try again later
        and later, half a minute apart at last."""

        def waiting() -> bool:
            clients = self.broker().client_list()
            return sum(client["cmd"] == "brpop" for client in clients) >= len(WORKERS)

        wait_until(waiting, "both workers to wait for messages", seconds=45)

    def wait_until_done(self, messages: list[str]) -> None:
        """Return when a worker has ended each of these messages."""

        def done() -> bool:
            ended = {id_ for worker in self.workers for id_ in _ended(worker.recent_output())}
            return ended.issuperset(messages)

        wait_until(done, "messages to be worked on")

    @staticmethod
    def wait(seconds: float) -> None:
        """Let a fault last: its length is the fault itself."""
        time.sleep(seconds)

    def wait_for_rest(self) -> None:
        """Return when no run is open: a tick then begins one, and does not join one."""
        there = "SELECT 1 FROM hub_refreshrun WHERE finished_at IS NULL"
        wait_until(lambda: not self.query(there), "the open run to end")

    def wait_for_strike(self, number: int, times: int = 1) -> None:
        """Return when a fault of the fake GitHub has begun to act so often."""
        wait_until(lambda: self.github.struck(number) >= times, "GitHub's fault to strike")

    def postpone_deadline(self, run: int, seconds: int) -> None:
        """Let a run have as much time as in production, where redelivery comes before its end."""
        self.execute(
            "UPDATE hub_refreshrun SET deadline = deadline + %s * interval '1 second'"
            " WHERE id = %s",
            [seconds, run],
        )

    def forget_redis_data(self) -> None:
        """Delete what Redis has on its disk; it does not run."""
        shutil.rmtree(self.redis.home / "appendonlydir")

    def forget_results(self) -> None:
        """Delete all that Celery keeps of results and chords; messages stay."""
        broker = self.broker()
        keys = broker.keys("celery-task*")
        assert keys, "Celery keeps nothing there"
        broker.delete(*keys)

    @contextlib.contextmanager
    def frozen_server(self, server: EmbeddedServer) -> Iterator[None]:
        """Freeze Postgres or Redis with all its processes."""
        assert server.process is not None
        freeze(server.process.pid)
        try:
            yield
        finally:
            thaw(server.process.pid)

    def age_messages(self) -> None:
        """Let the visibility timeout pass for what was taken and not acknowledged.

        The workers themselves put such messages back, at their next look.
        """
        broker = self.broker()
        for tag in broker.zrange("unacked_index", 0, -1):
            broker.zadd("unacked_index", {tag: time.time() - 100_000}, xx=True)

    def lose_messages(self) -> None:
        """Forget what was taken and not acknowledged, as if it had never been noted."""
        self.broker().delete("unacked", "unacked_index")


def _answers(port: int) -> bool:
    try:
        return bool(line_to(port).ping())
    except OSError:
        return False


def _received(task: str, log: str) -> list[str]:
    """The ids of the task's messages that a worker wrote of, one for each delivery."""
    return re.findall(rf"Task \S*{task}\[([0-9a-f-]+)\] received", log)


def _at(task: str, log: str) -> set[str]:
    """The ids of those that it has not ended."""
    return set(_received(task, log)) - _ended(log)


def _ended(log: str) -> set[str]:
    return set(re.findall(r"Task \S+\[([0-9a-f-]+)\] (?:succeeded|raised|retry)", log))
