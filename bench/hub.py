"""The hub while it refreshes: its workers, and a run watched from outside."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg2
import redis
from celery import Celery

from bench.stage import REPOSITORY, Part, Stage

WIDTH = 32  # threads of a worker, as `make run` starts it
_LEARNED = "hub_contenttree, hub_treelisting, hub_listingetag"
_RUNS = (
    "hub_refreshrun, hub_lookup, hub_snapshot, hub_exportercontents, hub_change, hub_servedcontents"
)


@dataclass(frozen=True)
class Refresh:
    """A run that has ended. `seconds` are from its row to the commit that ended it."""

    run: int
    status: str
    seconds: float
    requests: int


class Hub:
    """Workers over a stage, new to the repository.

    A refresh begins as beat begins one, and Postgres tells when it has ended.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.workers: list[Part] = []
        self._celery = Celery(broker=stage.redis.url, set_as_current=False, fixups=[])
        self._celery.conf.task_default_queue = "hub"
        self._connection = psycopg2.connect(stage.postgres.url)
        self._connection.autocommit = True
        host = stage.env["GITHUB_API_URL"].removeprefix("http://")
        self._source = f"{host}/{REPOSITORY}@main:contents"
        self.forget()
        self.redis = redis.Redis.from_url(stage.redis.url)

    def start_worker(self) -> Part:
        """One more worker process."""
        name = f"worker {len(self.workers) + 1}"
        worker = self.stage.start(
            name,
            *("celery", "--app=config", "worker", "--pool=threads", f"--concurrency={WIDTH}"),
            *("--queues=hub,lookups", "--without-gossip", "--without-mingle", "--loglevel=INFO"),
            f"--hostname={name.replace(' ', '-')}@bench",
            env={"MALLOC_ARENA_MAX": "2"},  # as `make run`
        )
        worker.wait_for_output("first run:")
        self.workers.append(worker)
        return worker

    def stop_worker(self) -> None:
        """End the one that was started last."""
        self.workers.pop().stop()

    def forget(self, *, blobs: bool = True) -> None:
        """Let the hub be new to the repository; without `blobs` it knows every file."""
        learned = _LEARNED + (", hub_contentblob" if blobs else "")
        self.query(f"TRUNCATE {_RUNS}, {learned} CASCADE")
        # As if one had been tried: a worker that starts would begin one.
        self.query(
            "INSERT INTO hub_refreshrun (source, trigger, status, started_at, deadline,"
            " finished_at, shrink_accepted, follow_up, reason, detail, root_sha, contents_sha,"
            " requests) VALUES (%s, 'command', 'failed', now(), now(), now(),"
            " false, '', '', '', '', '', 0)",
            [self._source],
        )

    def refresh(self, *, wanted: str, seconds: float = 1800) -> Refresh:
        """A run from its begin to its end, which has to be `wanted`, with nothing left out."""
        run, status, reason, began, seen, requests = self._run(seconds)
        assert status == wanted, f"run {run} ended {status} {reason}, not {wanted}"
        asked, unfound = self.query(
            "SELECT coalesce(sum(requests), 0), count(*) FILTER (WHERE outcome <> 'found')"
            " FROM hub_lookup WHERE run_id = %s",
            [run],
        )[0]
        assert unfound == 0, f"run {run}: {unfound} lookups did not find their tree"
        return Refresh(run, status, seen - began, requests + int(asked))

    def tick(self, seconds: float = 900) -> tuple[str, str]:
        """A run to its end, whichever that is: its status, and the reason of a failed one."""
        _, status, reason, *_ = self._run(seconds)
        return status, reason

    def _run(self, seconds: float) -> tuple[int, str, str, float, float, int]:
        """A run's number, status, reason, when it began and was seen to end, requests to list."""
        before = self.query("SELECT coalesce(max(id), 0) FROM hub_refreshrun")[0][0]
        self._celery.send_task("tasks.refresh.start_scheduled_run", ignore_result=True)
        sent = time.monotonic()
        while True:
            rows = self.query(
                "SELECT id, status, reason, started_at, requests FROM hub_refreshrun"
                " WHERE id > %s AND finished_at IS NOT NULL",
                [before],
            )
            if rows:
                run, status, reason, began, requests = rows[0]
                assert isinstance(began, datetime)
                return run, status, reason, began.timestamp(), time.time(), requests
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

    def close(self) -> None:
        """End the workers and the connections."""
        while self.workers:
            self.stop_worker()
        self._connection.close()
        self.redis.close()
