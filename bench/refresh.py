"""How long a refresh takes, against what it replaces and against the wire's own limit.

GitHub answers after 120 ms. A worker has 32 threads, and as many requests at once.
"""

import json
import math
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

from celery import Celery

from bench.contenders import QUEUE, SERIAL
from bench.figures import Figure, Part, interleaved, ratio, size
from bench.hub import WIDTH, Hub
from bench.repository import LATENCY, GitHub, fill
from bench.stage import Stage
from tests.common.processes import ROOT

# The budget that all workers share stays on, as in production; a minute has more points than the
# machine could spend.
POINTS_PER_MINUTE = 1_000_000
# So many directories are asked for one after the other; more are counted up from these.
_SERIAL = 50
_ROUNDS = {50: 5, 500: 3, 2_000: 1, 10_000: 1}
_QUICK_ROUNDS = {50: 2, 500: 1}
_CHANGES = 5  # rounds of what takes half a second
_MB, _KB = 1e6, 1e3

COLD, TREES = "new", "trees new, files known"
ONE_TREE, ONE_FILE, NONE = "one picture changed", "one file changed", "nothing changed"


def measure(quick: bool, say: Callable[[str], None]) -> list[Part]:
    """The refresh's table, and that of its cost."""
    results = []
    with Stage() as stage:
        stage.env["GITHUB_POINTS_PER_MINUTE"] = str(POINTS_PER_MINUTE)
        stage.manage("importcatalogue")
        for directories, rounds in (_QUICK_ROUNDS if quick else _ROUNDS).items():
            say(f"refresh of {directories:,} directories")
            serially = directories == _SERIAL or not quick
            results.append(_of_size(stage, directories, rounds, serially, say))
    return [_refresh_part(results), _cost_part(results)]


@dataclass
class _Result:
    """What was measured of a repository of so many directories: seconds, by what was done."""

    directories: int
    seconds: dict[str, list[float]] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)

    def limit(self, name: str, workers: int = 1) -> float:
        """Seconds of so many requests, were nothing else to be done."""
        return math.ceil(self.requests[name] / (WIDTH * workers)) * LATENCY


def _two(name: str) -> str:
    return f"{name}, two workers"


def _of_size(
    stage: Stage, directories: int, rounds: int, serially: bool, say: Callable[[str], None]
) -> _Result:
    github = GitHub(stage, fill(stage.folder / f"of {directories}", directories))
    hub = Hub(stage)
    measuring = _Measuring(stage, hub, github, _Result(directories), rounds, serially, say)
    try:
        hub.start_worker()
        measuring.measure()
    finally:
        hub.close()
        github.stop()
    return measuring.result


@dataclass
class _Measuring:
    """Fills a result."""

    stage: Stage
    hub: Hub
    github: GitHub
    result: _Result
    rounds: int
    serially: bool  # whether to measure, too, what asks for one directory after the other
    say: Callable[[str], None]

    def measure(self) -> None:
        """One worker against the contenders, then one change after the other, then two workers."""
        result, before = self.result, self.hub.broker_bytes()
        first = self._cold()  # warms up, where there is another
        result.cost["broker"] = (self.hub.broker_bytes() - before) / result.directories
        result.cost["rows"] = float(self.hub.query(_ROWS)[0][0]) / result.directories
        result.cost["postgres"] = float(self.hub.query(_BYTES)[0][0]) / result.directories
        contenders: dict[str, Callable[[], float]] = {
            "threadpool": partial(_contender, self.stage, result, "threadpool"),
            TREES: self._trees,
        }
        if self.rounds > 1:
            contenders[COLD] = self._cold
        else:
            result.seconds[COLD] = [first]
        with ExitStack() as stack:
            if self.serially:
                contenders["serial"] = partial(_contender, self.stage, result, "serial")
                contenders["task"] = stack.enter_context(_serial_task(self.stage, result))
            result.seconds |= interleaved(contenders, self.rounds)
        self._changes()
        result.cost["worker"] = self.hub.workers[0].peak_memory()
        if result.directories > _SERIAL:
            self._with_two_workers()
        result.cost["redis"] = float(self.hub.redis.info("memory")["used_memory_peak"])

    def _changes(self) -> None:
        changes = {
            ONE_TREE: partial(self._refresh, ONE_TREE, "published", self.github.change_picture),
            ONE_FILE: partial(self._refresh, ONE_FILE, "published", self.github.change_alerts),
            NONE: partial(self._refresh, NONE, "unchanged", lambda: None),
        }
        self.result.seconds |= interleaved(changes, _CHANGES)

    def _with_two_workers(self) -> None:
        self.hub.start_worker()
        self._trees(_two(TREES))  # warms up: a worker's first lookups cost it much more
        self.result.seconds |= interleaved(
            {
                _two(COLD): partial(self._cold, _two(COLD)),
                _two(TREES): partial(self._trees, _two(TREES)),
            },
            self.rounds,
        )

    def _cold(self, name: str = COLD) -> float:
        return self._refresh(name, "published", self.hub.forget)

    def _trees(self, name: str = TREES) -> float:
        return self._refresh(name, "published", partial(self.hub.forget, blobs=False))

    def _refresh(self, name: str, wanted: str, before: Callable[[], object]) -> float:
        before()
        done = self.hub.refresh(wanted=wanted)
        self.result.requests[name] = done.requests
        self.say(f"  {name}: {done.seconds:.2f} s, {done.requests:,} requests")
        return done.seconds


def _contender(stage: Stage, result: _Result, name: str) -> float:
    """The seconds that a contender takes in a process of its own."""
    asked = _SERIAL if name == "serial" else result.directories
    done = subprocess.run(
        [sys.executable, "-m", "bench.contenders", name, str(asked), str(WIDTH)],
        cwd=ROOT,
        env=stage.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    result.requests[name] = (
        told["requests"] * result.directories // asked if name == "serial" else told["requests"]
    )
    return float(told["seconds"]) * (result.directories / asked if name == "serial" else 1)


@contextmanager
def _serial_task(stage: Stage, result: _Result) -> Iterator[Callable[[], float]]:
    """One Celery task that asks for each directory after the other, and a worker that runs it."""
    worker = stage.start(
        "serial worker",
        *("celery", "--app=bench.contenders", "worker", "--pool=threads", "--concurrency=1"),
        *(f"--queues={QUEUE}", "--without-gossip", "--without-mingle", "--loglevel=INFO"),
        "--hostname=serial@bench",
    )
    worker.wait_for_output("ready.")
    app = Celery(broker=stage.redis.url, backend=stage.redis.url, set_as_current=False, fixups=[])

    def ask() -> float:
        started = perf_counter()
        app.send_task(SERIAL, args=[_SERIAL], queue=QUEUE).get(timeout=120)
        return (perf_counter() - started) * result.directories / _SERIAL

    try:
        yield ask
    finally:
        worker.stop()
        app.close()


_TABLES = """('hub_contenttree'), ('hub_contentblob'), ('hub_treelisting'), ('hub_lookup'),
    ('hub_exportercontents'), ('hub_change'), ('hub_servedcontents')"""
_ROWS = """SELECT (SELECT count(*) FROM hub_contenttree) + (SELECT count(*) FROM hub_contentblob)
    + (SELECT count(*) FROM hub_lookup) + (SELECT count(*) FROM hub_exportercontents)"""
_BYTES = f"SELECT sum(pg_total_relation_size(name::regclass)) FROM (VALUES {_TABLES}) AS t(name)"


# --- the report -----------------------------------------------------------------------------------


def _refresh_part(results: list[_Result]) -> Part:
    rows = []
    figures: list[Figure] = []
    for result in results:
        figures += _figures(result)
        for name, seconds in result.seconds.items():
            workers = 2 if name == _two(name.removesuffix(_two(""))) else 1
            plain = name if name in result.requests else "serial"
            limit = result.limit(plain, workers)
            rows.append(
                (
                    f"{result.directories:,}",
                    _WORDS.get(name, name),
                    f"{result.requests[plain]:,}",
                    f"{statistics.median(seconds):.2f} s",
                    f"{min(seconds):.2f} to {max(seconds):.2f}",
                    "" if name in ("serial", "task") else f"{limit:.2f} s",
                    ""
                    if name in ("serial", "task")
                    else f"{statistics.median(seconds) / limit:.2f}",
                )
            )
    return Part(
        title="Refresh, 120 ms an answer",
        words=(
            "From the run's row to the commit that publishes it, seen from outside. The limit is "
            f"ceil(requests / {WIDTH} a worker) × 120 ms. What asks for one directory after the "
            f"other was measured with {_SERIAL} and counted up. Each directory holds alerts, a "
            "dashboard of 15 KB and a chart, which are read and judged, and a picture, which is "
            "not. The thread pool makes the same requests with the hub's client and does nothing "
            f"with the answers. The budget is on, at {POINTS_PER_MINUTE:,} points a minute."
        ),
        columns=("directories", "what", "requests", "median", "spread", "limit", "of the limit"),
        rows=tuple(rows),
        figures=tuple(figures),
        raw={
            str(result.directories): {"seconds": result.seconds, "requests": result.requests}
            for result in results
        },
    )


_WORDS = {
    "serial": "replaced: one directory after the other",
    "task": "one Celery task, one directory after the other",
    "threadpool": f"plain thread pool of {WIDTH}",
}


def _figures(result: _Result) -> Iterator[Figure]:
    number, seconds = result.directories, result.seconds
    if number == 50:
        for name, short, bound in ((TREES, "cold_trees", 0.1), (COLD, "cold", 0.25)):
            yield ratio(
                f"refresh_{short}_vs_serial_50",
                f"50 directories, {name}, against one after the other",
                seconds[name],
                seconds["serial"],
                at_most=bound,
            )
        return
    for workers, name in ((1, COLD), (2, _two(COLD))):
        yield ratio(
            f"refresh_vs_limit_{number}" + ("_two_workers" if workers == 2 else ""),
            f"{number:,} directories, {name}, against the limit",
            seconds[name],
            [result.limit(name, workers)] * len(seconds[name]),
            at_most=1.3,
        )
    yield ratio(
        f"refresh_vs_threadpool_{number}",
        f"{number:,} directories, new, against the plain thread pool",
        seconds[COLD],
        seconds["threadpool"],
        at_most=1.3,
    )
    answer = [LATENCY] * _CHANGES
    for name, short, bound in (
        (NONE, "unchanged", 2.0),
        (ONE_TREE, "one_changed", 4.0),
        (ONE_FILE, "one_file_changed", None),
    ):
        yield ratio(
            f"refresh_{short}_vs_rtt_{number}",
            f"{number:,} directories, {name} ({result.requests[name]} answers after another), "
            "against one answer's time",
            seconds[name],
            answer,
            at_most=bound,
        )


def _cost_part(results: list[_Result]) -> Part:
    figures = []
    last = results[-1]
    for name, short, unit, bound in (
        ("worker", "worker_mb", _MB, 250),
        ("redis", "redis_mb", _MB, 100),
    ):
        figures.append(
            size(
                f"{short}_{last.directories}",
                f"MB of the {name} at its peak, {last.directories:,} directories",
                [last.cost[name] / unit],
                at_most=bound,
            )
        )
    figures.append(
        size(
            "broker_bytes_per_directory",
            "bytes that Redis received and sent for a directory (INFO total_net_*), all new",
            [last.cost["broker"]],
            at_most=4096,
        )
    )
    return Part(
        title="Cost of a refresh, all new",
        words=(
            "A worker's peak is its process's; through Redis goes all that it received and sent: "
            "messages, results, events for Flower, and the budget."
        ),
        columns=(
            *("directories", "worker, peak", "Redis, peak", "through Redis, each"),
            *("rows in Postgres, each", "in Postgres, each"),
        ),
        rows=tuple(
            (
                f"{result.directories:,}",
                f"{result.cost['worker'] / _MB:.0f} MB",
                f"{result.cost['redis'] / _MB:.1f} MB",
                f"{result.cost['broker'] / _KB:.1f} KB",
                f"{result.cost['rows']:.1f}",
                f"{result.cost['postgres'] / _KB:.1f} KB",
            )
            for result in results
        ),
        figures=tuple(figures),
        raw={str(result.directories): result.cost for result in results},
    )
