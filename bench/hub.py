"""The hub while it refreshes: its worker, and a run watched from outside."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import psycopg2
import redis
from celery import Celery

from bench.stage import REPOSITORY, Part, Stage

WIDTH = 50  # threads of a worker, as `make run` starts it
_LEARNED = "hub_contenttree, hub_contentblob, hub_treelisting, hub_listingetag"
_RUNS = (
    "hub_refreshrun, hub_lookup, hub_snapshot, hub_exportercontents, hub_change, hub_servedcontents"
)


@dataclass(frozen=True)
class Refresh:
    """A run that has ended. `seconds` are from its row to the commit that ended it."""

    run: int
    status: str
    reason: str
    seconds: float


class Hub:
    """A worker over a stage, new to the repository; a context manager.

    A refresh starts as beat starts one, and Postgres tells when it has ended. `tokens` is how many
    tokens the hub has.
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
        self.redis.flushall()  # no messages, and no budget that was spent
        self.stage.run("bench.tokens", str(self.tokens))
        self.forget()
        self.query("UPDATE hub_exporter SET facts_at = now()")  # or the worker would fetch them
        self.worker: Part = self.stage.start(
            "worker",
            *("celery", "--app=config", "worker", "--pool=threads", f"--concurrency={WIDTH}"),
            *("--queues=hub,lookups", "--without-gossip", "--without-mingle", "--loglevel=INFO"),
            "--hostname=worker@bench",
            env={"MALLOC_ARENA_MAX": "2"},  # as `make run`
        )
        self.worker.wait_for_output("first run:")
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.stop()
        self._connection.close()
        self.redis.close()

    def forget(self) -> None:
        """Let the hub be new to the repository."""
        self.query(f"TRUNCATE {_RUNS}, {_LEARNED} CASCADE")
        # As if one had been tried: a worker that starts would start one.
        self.query(
            "INSERT INTO hub_refreshrun (source, trigger, status, started_at, deadline,"
            ' finished_at, shrink_accepted, "full", rest_only, follow_up, reason, detail,'
            " root_sha, contents_sha, requests) VALUES (%s, 'command', 'failed', now(), now(),"
            " now(), false, false, false, '', '', '', '', '', 0)",
            [self._source],
        )

    def start_run(self) -> int:
        """Start a run; runs above the number that is returned are newer than this call."""
        before = int(self.query("SELECT coalesce(max(id), 0) FROM hub_refreshrun")[0][0])
        self._celery.send_task("tasks.refresh.start_scheduled_refresh", ignore_result=True)
        return before

    def refresh(self, *, wanted: str) -> Refresh:
        """A run from its start to its end, which has to be `wanted`, with nothing left out."""
        done = self.tick()
        assert done.status == wanted, f"{done}, not {wanted}"
        unfound = "SELECT count(*) FROM hub_lookup WHERE run_id = %s AND outcome <> 'found'"
        assert self.query(unfound, [done.run]) == [(0,)], f"{done}: not every directory was found"
        return done

    def tick(self, seconds: float = 1800) -> Refresh:
        """A run to its end, whichever that is."""
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
            assert passed < seconds, "the run does not end"
            # A two-hundredth of what there is to measure.
            time.sleep(min(0.02, max(0.001, passed / 200)))

    def query(self, statement: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Rows, straight from Postgres."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall()) if cursor.description else []

    def broker_bytes(self) -> int:
        """Bytes that Redis has received and sent so far, whatever for."""
        info = self.redis.info("stats")
        return int(info["total_net_input_bytes"] + info["total_net_output_bytes"])
