"""Measure refreshes, compared with the replaced algorithm and with GitHub's response time."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

from bench.contenders import serial
from bench.figures import Figure, Part, interleaved, ratio, size
from bench.hub import Hub
from bench.repository import GRAPHQL_LATENCY, LATENCY, GitHub, fill
from bench.stage import Stage

_SERIAL = 50  # directories; at this size, the replaced algorithm is measured too
_ROUNDS = {_SERIAL: 5, 10_000: 1}
_QUICK_ROUNDS = {_SERIAL: 1, 300: 1}
_CHANGES = 5  # rounds of measurements that take half a second
# One token allows 810 directories a minute; from this size on, the hub has more tokens.
_MORE_TOKENS_FROM, _TOKENS = 300, 20
_MB, _KB = 1e6, 1e3

REPLACED, NEW = "replaced algorithm, one by one", "all new"
ONE_TREE, ONE_FILE, NONE = "one image changed", "one file changed", "nothing changed"


def measure(quick: bool, say: Callable[[str], None]) -> list[Part]:
    """Return the tables of the refresh and of its cost."""
    results = []
    with Stage() as stage:
        stage.manage("importcatalogue")
        for directories, rounds in (_QUICK_ROUNDS if quick else _ROUNDS).items():
            say(f"refresh of {directories:,} directories")
            folder = fill(stage.folder / f"of {directories}", directories)
            tokens = 1 if directories < _MORE_TOKENS_FROM else _TOKENS
            with GitHub(stage, folder, tokens=tokens) as github, Hub(stage, tokens=tokens) as hub:
                results.append(_Measuring(hub, github, directories, rounds, say).measure())
    return [_refresh_part(results), _cost_part(results)]


@dataclass
class _Result:
    """The measurements of a repository, by the name of the change.

    `requests`: numbers of REST and GraphQL requests.
    """

    directories: int
    seconds: dict[str, list[float]] = field(default_factory=dict)
    requests: dict[str, tuple[int, int]] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)


class _Measuring:
    def __init__(
        self, hub: Hub, github: GitHub, directories: int, rounds: int, say: Callable[[str], None]
    ) -> None:
        self.hub, self.github, self.rounds, self.say = hub, github, rounds, say
        self.result = _Result(directories)

    def measure(self) -> _Result:
        """Measure a refresh with all directories new, and then with one change at a time.

        With few directories, the first is compared with the replaced algorithm.
        """
        result, before = self.result, self.hub.broker_bytes()
        first = self._refresh(NEW, "published")  # a warm-up if it is measured again
        result.cost["broker"] = (self.hub.broker_bytes() - before) / result.directories
        result.cost["rows"] = float(self.hub.query(_ROWS)[0][0]) / result.directories
        result.cost["postgres"] = float(self.hub.query(_BYTES)[0][0]) / result.directories
        result.seconds[NEW] = [first]
        if result.directories == _SERIAL:
            contenders = {REPLACED: self._serial, NEW: self._all_new}
            result.seconds |= interleaved(contenders, self.rounds)
        result.seconds |= interleaved(
            {
                ONE_TREE: partial(self._changed, ONE_TREE, self.github.change_picture),
                ONE_FILE: partial(self._changed, ONE_FILE, self.github.change_alerts),
                NONE: partial(self._refresh, NONE, "unchanged"),
            },
            _CHANGES,
        )
        result.cost["worker"] = max(worker.peak_memory() for worker in self.hub.workers)
        result.cost["redis"] = float(self.hub.redis.info("memory")["used_memory_peak"])
        return result

    def _serial(self) -> float:
        started = perf_counter()
        serial(self.github.fake.url, self.result.directories)
        return self._done(REPLACED, perf_counter() - started)

    def _all_new(self) -> float:
        self.hub.forget()
        return self._refresh(NEW, "published")

    def _changed(self, name: str, change: Callable[[], None]) -> float:
        change()
        return self._refresh(name, "published")

    def _refresh(self, name: str, expected: str) -> float:
        return self._done(name, self.hub.refresh(expected=expected).seconds)

    def _done(self, name: str, seconds: float) -> float:
        self.result.requests[name] = rest, queries = self.github.requests()
        self.say(f"  {name}: {seconds:.2f} s, {rest:,} REST and {queries:,} GraphQL requests")
        return seconds


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
            rest, queries = result.requests[name]
            median = statistics.median(seconds)
            spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
            answers = f"{median / LATENCY:.1f}"
            rows.append(
                (
                    *(f"{result.directories:,}", name, f"{rest:,}", f"{queries:,}"),
                    *(f"{median:.2f} s", spread, answers),
                )
            )
    return Part(
        title="Refresh",
        words=(
            "Time from the creation of the run to the commit that publishes it. GitHub responds "
            f"after {LATENCY * 1000:.0f} ms over REST and after {GRAPHQL_LATENCY * 1000:.0f} ms "
            "over GraphQL. Each directory has alerts, a dashboard of 15 KB and a chart, which are "
            "fetched and checked, and an image, which is not. The request budget is the default; "
            f"from {_MORE_TOKENS_FROM} directories on, the hub has {_TOKENS} tokens."
        ),
        columns=(
            *("Directories", "Change", "REST requests", "GraphQL requests"),
            *("Median", "Spread", "Median in REST responses"),
        ),
        rows=tuple(rows),
        figures=tuple(figures),
        raw={
            str(result.directories): {"seconds": result.seconds, "requests": result.requests}
            for result in results
        },
    )


def _figures(result: _Result) -> Iterator[Figure]:
    number, seconds = result.directories, result.seconds
    if number == _SERIAL:
        yield ratio(
            f"refresh_cold_vs_serial_{number}",
            f"{number} directories, all new, vs. one by one",
            seconds[NEW],
            seconds[REPLACED],
            at_most=0.25,
        )
        return
    for name, short, bound in ((NONE, "unchanged", 2.0), (ONE_TREE, "one_changed", 6.0)):
        yield ratio(
            f"refresh_{short}_vs_rtt_{number}",
            f"{number:,} directories, {name} (requests: {sum(result.requests[name])}), vs. the "
            "time of a REST response",
            seconds[name],
            [LATENCY] * _CHANGES,
            at_most=bound,
        )


def _cost_part(results: list[_Result]) -> Part:
    last = results[-1]
    number = last.directories
    return Part(
        title="Cost of a refresh with all directories new",
        words=(
            "The peak of the worker is that of its process. The traffic of Redis is all that it "
            "receives and sends: messages, results, events for Flower, and the request budget."
        ),
        columns=(
            *("Directories", "Worker memory, peak", "Redis memory, peak"),
            *("Redis traffic per directory", "Postgres rows per directory"),
            "Postgres space per directory",
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
        figures=(
            size(
                f"worker_mb_{number}",
                f"peak memory of the worker in MB, {number:,} directories",
                [last.cost["worker"] / _MB],
                at_most=250,
            ),
            size(
                "redis_mb",
                f"peak memory of Redis in MB, {number:,} directories",
                [last.cost["redis"] / _MB],
                at_most=100,
            ),
            size(
                "broker_bytes_per_directory",
                "bytes that Redis receives and sends per new directory (INFO total_net_*)",
                [last.cost["broker"]],
                at_most=16_384,
            ),
        ),
        raw={str(result.directories): result.cost for result in results},
    )
