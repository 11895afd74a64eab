"""A hub with two workers, whose refresh runs are measured from outside."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import psycopg2
import redis
from celery import Celery

from bench.stage import REPOSITORY, Part, Stage

_WORKERS, _WIDTH = 2, 25  # workers and the threads of each, as in `make run`
_LEARNED = "hub_contenttree, hub_contentblob, hub_treelisting, hub_listingetag"
_RUNS = (
    "hub_refreshrun, hub_lookup, hub_snapshot, hub_exportercontents, hub_change, hub_servedcontents"
)


@dataclass(frozen=True)
class Refresh:
    """A finished run. `seconds`: from the creation of its row to the commit that finished it."""

    run: int
    status: str
    reason: str
    seconds: float


class Hub:
    """Context manager for the workers on a stage. The hub does not know the repository yet.

    A refresh starts with the same task as from beat; Postgres is polled until it has finished.
    `tokens`: number of GitHub tokens.
    """

    def __init__(self, stage: Stage, *, tokens: int = 1) -> None:
        self.stage, self.tokens = stage, tokens
        self._celery = Celery(broker=stage.redis.url, set_as_current=False, fixups=[])
        self._celery.conf.task_default_queue = "hub"
        self._connection = psycopg2.connect(stage.postgres.url)
        self._connection.autocommit = True
        host = stage.env["GITHUB_API_URL"].removeprefix("http://")
        self._source = f"{host}/{REPOSITORY}@main:contents"
        self.redis = redis.Redis.from_url(stage.redis.url)

    def __enter__(self) -> Self:
        self.redis.flushall()  # no messages and an unused request budget
        self.stage.run("bench.tokens", str(self.tokens))
        self.forget()
        self.query("UPDATE hub_exporter SET facts_at = now()")  # prevents a facts run
        self.workers = [self._worker(number) for number in range(_WORKERS)]
        for worker in self.workers:
            worker.wait_for_output("first run:")
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.stop()
        self._connection.close()
        self.redis.close()

    def _worker(self, number: int) -> Part:
        return self.stage.start(
            f"worker{number}",
            *("celery", "--app=config", "worker", "--pool=threads", f"--concurrency={_WIDTH}"),
            *("--queues=hub,lookups", "--without-gossip", "--without-mingle", "--loglevel=INFO"),
            f"--hostname=worker{number}@bench",
            env={"MALLOC_ARENA_MAX": "2"},  # as in `make run`
        )

    def forget(self) -> None:
        """Delete all that the hub knows about the repository."""
        for last_try in (False, False, True):
            try:
                self.query(f"TRUNCATE {_RUNS}, {_LEARNED} CASCADE")
                break
            except psycopg2.errors.DeadlockDetected:  # a task reads them, for example for pictures
                if last_try:
                    raise
        # A finished run, because a worker of a hub without any run starts one.
        self.query(
            "INSERT INTO hub_refreshrun (source, trigger, status, started_at, deadline,"
            ' finished_at, shrink_accepted, "full", rest_only, follow_up, reason, detail,'
            " root_sha, contents_sha, requests) VALUES (%s, 'command', 'failed', now(), now(),"
            " now(), false, false, false, '', '', '', '', '', 0)",
            [self._source],
        )

    def start_run(self) -> int:
        """Start a run. Return the number of the newest run before it."""
        before = int(self.query("SELECT coalesce(max(id), 0) FROM hub_refreshrun")[0][0])
        self._celery.send_task("tasks.refresh.start_scheduled_refresh", ignore_result=True)
        return before

    def refresh(self, *, expected: str) -> Refresh:
        """Run a refresh. It must have the expected status, and all its lookups must succeed."""
        run = self.run_once()
        assert run.status == expected, f"{run}, not {expected}"
        not_found = "SELECT count(*) FROM hub_lookup WHERE run_id = %s AND outcome <> 'found'"
        assert self.query(not_found, [run.run]) == [(0,)], f"{run}: some lookups failed"
        return run

    def run_once(self, seconds: float = 1800) -> Refresh:
        """Run a refresh and return it, whatever its status is."""
        before = self.start_run()
        sent = time.monotonic()
        while True:
            rows = self.query(
                "SELECT id, status, reason, started_at FROM hub_refreshrun"
                " WHERE id > %s AND finished_at IS NOT NULL",
                [before],
            )
            if rows:
                run, status, reason, started_at = rows[0]
                assert isinstance(started_at, datetime)
                return Refresh(run, status, reason, time.time() - started_at.timestamp())
            passed = time.monotonic() - sent
            assert passed < seconds, "the run does not finish"
            # An error of at most 0.5 % of the measured time.
            time.sleep(min(0.02, max(0.001, passed / 200)))

    def query(self, statement: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run a statement on Postgres and return the rows."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall()) if cursor.description else []

    def broker_bytes(self) -> int:
        """Return the bytes that Redis has received and sent so far."""
        info = self.redis.info("stats")
        return int(info["total_net_input_bytes"] + info["total_net_output_bytes"])
