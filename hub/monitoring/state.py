"""The hub's state as metrics, read from Postgres and the broker at each scrape.

All web processes export the same values, so a query takes one of them: `max without (instance)`.
Labels have only values of enumerations, names of queues and labels of tokens, never a secret.
"""

import logging
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from itertools import takewhile
from math import inf

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Count, Sum
from django.db.models.functions import Coalesce
from kombu.exceptions import OperationalError
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from hub import clock
from hub.content.map.read_map import is_overdue
from hub.content.map.render_map import overdue_from
from hub.content.rules.report import Level
from hub.github.source import configured_source
from hub.models import (
    ExporterContents,
    FactsRun,
    GitHubToken,
    RefreshRun,
    Resource,
    Run,
    RunStatus,
    ServedContents,
    ServedState,
    TokenState,
    Total,
)
from hub.models.totals import LOOKUPS, RUN_BUCKETS, RUN_SECONDS, RUNS, WEBHOOK_DELIVERIES
from hub.runs.queues import waiting_messages
from hub.runs.schedule import schedule_status
from hub.runs.totals import BUCKETS, run_type

logger = logging.getLogger(__name__)

_PREFIX = "exporterhub"
_QUERY_SECONDS = 5  # Prometheus waits for 10 seconds by default
_BROKER_SECONDS = 2.0
_RUNS = 20  # the newest ones are examined
_FAILED = {RunStatus.FAILED, RunStatus.NO_TOKEN}

Values = Iterable[tuple[Sequence[str], float]]  # values of the labels, value of the metric


class StateCollector(Collector):
    """Collects the hub's state. Without Postgres or the broker, the rest of it."""

    def describe(self) -> list[Metric]:
        """Return nothing, so that the registry does not read the state when it starts."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        yield from _data_disk()
        yield from _broker()
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = '{_QUERY_SECONDS}s'")
                metrics = list(_database())
        except (DatabaseError, InterfaceError):
            logger.exception("the metrics of the hub's state cannot be read from Postgres")
            metrics = []
        yield _gauge("database_up", "Whether the state can be read from Postgres.", bool(metrics))
        yield from metrics


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", text, value)


def _gauges(name: str, text: str, labels: Sequence[str], values: Values) -> Metric:
    family = GaugeMetricFamily(f"{_PREFIX}_{name}", text, labels=labels)
    for label_values, value in values:
        family.add_metric(label_values, value)
    return family


def _time(name: str, text: str, time: datetime | None) -> Iterator[Metric]:
    """Yield a time, unless it is not known."""
    if time is not None:
        yield _gauge(f"{name}_timestamp_seconds", text, time.timestamp())


def _data_disk() -> Iterator[Metric]:
    """Yield the space on the disk of the data folder, which only `make run` has."""
    try:
        disk = shutil.disk_usage(settings.DATA_DIR)
    except OSError:
        return
    yield _gauge("data_disk_size_bytes", "Size of the disk with the data folder.", disk.total)
    yield _gauge("data_disk_free_bytes", "Free space on the disk with the data folder.", disk.free)


def _broker() -> Iterator[Metric]:
    routes = settings.CELERY_TASK_ROUTES.values()
    queues = {settings.CELERY_TASK_DEFAULT_QUEUE, *(route["queue"] for route in routes)}
    lengths: dict[str, int] = {}
    try:
        lengths = waiting_messages(*sorted(queues), timeout=_BROKER_SECONDS)
    except OperationalError:
        logger.warning("the lengths of the queues cannot be read: the broker does not respond")
    yield _gauge("broker_up", "Whether the broker responds.", bool(lengths))
    values = (([queue], length) for queue, length in lengths.items())
    yield _gauges("queue_messages", "Messages that wait in a queue.", ["queue"], values)


def _database() -> Iterator[Metric]:
    source = configured_source().key
    yield from _map(source)
    yield from _directories(source)
    newest: dict[type[Run], list[Run]] = {
        RefreshRun: list(RefreshRun.objects.filter(source=source)[:_RUNS]),
        FactsRun: list(FactsRun.objects.all()[:_RUNS]),
    }
    yield from _runs(newest)
    yield from _totals()
    yield from _tokens()
    late_by = schedule_status(clock.now()).late_by
    text = "When beat last sent housekeeping, which is due every 15 seconds by default."
    yield from _time("beat_last_tick", text, clock.now() - late_by)
    yield _gauge("migrations_pending", "Migrations that were not applied.", _pending_migrations())


def _map(source: str) -> Iterator[Metric]:
    served = ServedContents.objects.defer("body_gzip").select_related("snapshot").filter(pk=source)
    row = served.first() or ServedContents(source=source, state=ServedState.EMPTY)
    state = ServedState.STALE if row.snapshot and is_overdue(row) else row.state
    yield _gauges(
        "map_state",
        "State of the map that readers get: 1 for the current one.",
        ["state"],
        (([each], each == state) for each in ServedState),
    )
    text = "When GitHub last confirmed the map."
    yield from _time("map_confirmed", text, row.as_of)
    text = "When the map is overdue, unless a run confirms it before."
    yield from _time("map_overdue", text, overdue_from(row.as_of) if row.as_of else None)
    text = "When the newest snapshot was published."
    yield from _time("snapshot", text, row.snapshot.published_at if row.snapshot else None)


def _directories(source: str) -> Iterator[Metric]:
    rows = ExporterContents.objects.filter(source=source).order_by()
    by_reason = dict(rows.values_list("stale").annotate(Count("pk")))
    fresh = by_reason.pop("", 0)
    states = (("fresh", fresh), ("stale", sum(by_reason.values())))
    text = "Directories of the map. A stale one was not read in the last run."
    yield _gauges("directories", text, ["state"], (([state], number) for state, number in states))
    reasons = (([reason], number) for reason, number in by_reason.items())
    yield _gauges("stale_directories", "Stale directories by reason.", ["reason"], reasons)
    sums = {level: Coalesce(Sum(f"{level}s"), 0) for level in Level}
    findings = (([level], number) for level, number in rows.aggregate(**sums).items())
    yield _gauges("findings", "Findings in the directories of the map.", ["level"], findings)


def _runs(newest: dict[type[Run], list[Run]]) -> Iterator[Metric]:
    open_since = [
        ([run_type(model)], run.started_at.timestamp())
        for model, runs in newest.items()
        for run in runs
        if run.is_open
    ]
    ended = {model: [run for run in runs if not run.is_open] for model, runs in newest.items()}
    failed = (
        ([run_type(model)], len(list(takewhile(lambda run: run.status in _FAILED, runs))))
        for model, runs in ended.items()
    )
    is_held = any(run.status == RunStatus.HELD for run in ended[RefreshRun][:1])
    name, text = "open_run_start_timestamp_seconds", "When the open run started."
    yield _gauges(name, text, ["run"], open_since)
    name, text = "consecutive_failed_runs", f"Failed runs since one succeeded, at most {_RUNS}."
    yield _gauges(name, text, ["run"], failed)
    yield _gauge("run_held", "Whether the last refresh waits for an admin.", is_held)


def _totals() -> Iterator[Metric]:
    rows: dict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)
    for metric, labels, value in Total.objects.values_list("metric", "labels", "value"):
        rows[metric].append((labels, value))
    for metric, text, names in (
        (RUNS, "Runs that have ended.", ["run", "trigger", "status"]),
        (LOOKUPS, "Lookups of the runs that have ended.", ["run", "outcome", "reason"]),
        (WEBHOOK_DELIVERIES, "Webhook deliveries by what the hub did.", ["action"]),
    ):
        counter = CounterMetricFamily(f"{_PREFIX}_{metric}", text, labels=names)
        for labels, value in rows[metric]:
            counter.add_metric([labels[name] for name in names], value)
        yield counter
    yield _durations(rows[RUN_SECONDS], rows[RUN_BUCKETS])


def _durations(
    sums: Iterable[tuple[dict[str, str], float]], buckets: Iterable[tuple[dict[str, str], float]]
) -> Metric:
    histogram = HistogramMetricFamily(
        f"{_PREFIX}_run_duration_seconds", "Duration of runs that have ended.", labels=["run"]
    )
    runs = {(labels["run"], float(labels["le"])): value for labels, value in buckets}
    for labels, total in sums:
        run = labels["run"]
        up_to = [
            (
                "+Inf" if limit == inf else str(limit),
                sum(number for (of, le), number in runs.items() if of == run and le <= limit),
            )
            for limit in BUCKETS
        ]
        histogram.add_metric([run], up_to, total)
    return histogram


def _tokens() -> Iterator[Metric]:
    tokens = list(GitHubToken.objects.all())
    quotas = [
        ([token.label, resource], quota)
        for token in tokens
        for resource in Resource
        if (quota := token.quota(resource))
    ]
    refused = (
        ([token.label], token.state == TokenState.INVALID or token.refusals > 0) for token in tokens
    )
    expiry = (([token.label], token.expires_at.timestamp()) for token in tokens if token.expires_at)
    labels, names = ["token"], ["token", "resource"]
    text = "Whether GitHub rejected the token in the last run."
    yield _gauges("github_token_refused", text, labels, refused)
    text = "When the token expires, if it does."
    yield _gauges("github_token_expiry_timestamp_seconds", text, labels, expiry)
    text = "GitHub's limit of requests or points per hour."
    yield _gauges("github_quota_limit", text, names, ((key, quota.limit) for key, quota in quotas))
    text = "Requests or points that are left until GitHub resets the limit."
    left = ((key, quota.left) for key, quota in quotas)
    yield _gauges("github_quota_remaining", text, names, left)


def _pending_migrations() -> int:
    # Not `applied_migrations`, which first searches Postgres for the table.
    applied = MigrationRecorder(connection).migration_qs.values_list("app", "name")
    return len(_migrations() - set(applied))


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    """Return the migrations of this version of the hub."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)
