"""The hub's own metrics: from all processes together, and from Postgres."""

import importlib
import itertools
import re
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from prometheus_client import REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from hub import VERSION, clock
from hub.content.housekeeping import prune_contents
from hub.content.runs import refresh_runs
from hub.github.source import configured_source
from hub.models import (
    DeliveryAction,
    ExporterContents,
    FactsRun,
    GitHubToken,
    Lookup,
    Outcome,
    Reason,
    RefreshRun,
    Resource,
    RunStatus,
    RunTrigger,
    ServedContents,
    ServedState,
    Snapshot,
    TokenState,
    WebhookDelivery,
)
from hub.models.totals import (
    LOOKUPS,
    RUN_BUCKETS,
    RUN_SECONDS,
    RUNS,
    WEBHOOK_DELIVERIES,
    add_to_totals,
)
from hub.monitoring.server import BuildInfo, ScrapedState
from hub.monitoring.state import StateCollector
from hub.ops.local.ports import free_port
from hub.runs.schedule import HOUSEKEEPING_TASK
from hub.runs.totals import BUCKETS
from hub.web.webhooks.deliveries import prune_deliveries, take_ping
from tests.common import contents
from tests.common.metrics import MetricsAddress, Series, series_of, total
from tests.common.processes import ROOT, beat, web
from tests.common.waiting import wait_until
from tests.conftest import TOKEN, Hub


def state() -> list[Series]:
    """Return the hub's state as a web process would export it."""
    registry = CollectorRegistry()
    registry.register(StateCollector())
    return series_of(generate_latest(registry).decode())


# --- all processes --------------------------------------------------------------------------------


def answered_by(folder: Path) -> int:
    """Return how many web processes have counted a request."""
    files = list(folder.rglob("counter_*.db"))
    counts = [MultiProcessCollector.merge([str(file)]) for file in files]
    return sum(any(sample.value for metric in each for sample in metric.samples) for each in counts)


def test_the_metrics_of_all_processes_do_not_double(hub: Hub, tmp_path: Path) -> None:
    second, _ = IntervalSchedule.objects.get_or_create(every=1, period="seconds")
    PeriodicTask.objects.filter(task=HOUSEKEEPING_TASK).update(interval=second)
    hub.add_token()
    workers = [MetricsAddress.of_worker(worker) for worker in hub.workers]
    before = [series for worker in workers for series in worker.scrape()]
    for name in ("Alpha", "Beta", "Gamma"):
        hub.write(f"{name}/alerts.yaml", contents.alert(name, "up ="))  # not valid
    assert hub.refresh().status == RunStatus.PUBLISHED

    port, of_web, of_beat = free_port(), MetricsAddress("web"), MetricsAddress("beat")
    server = web(port, "--workers=2", env={**of_web.env, "TMPDIR": str(tmp_path)})
    scheduler = beat(env=of_beat.env)
    sent = 0

    def ask() -> bool:
        nonlocal sent
        for _ in range(10):
            assert requests.get(f"http://127.0.0.1:{port}/api/v1/status", timeout=10).ok
            sent += 1
        return answered_by(tmp_path) == 2

    try:
        server.start()
        scheduler.start()
        server.wait_for_output("Started server process")
        wait_until(ask, "both web processes to answer")
        assert requests.get(f"http://127.0.0.1:{port}/none", timeout=10).status_code == 404
        wait_until(lambda: total(of_beat.scrape(), "scheduled_tasks_sent_total"), "beat to send")
        scheduler.stop()
        first = of_web.scrape()
        every = [*of_web.scrape(), *(series for worker in workers for series in worker.scrape())]
    finally:
        server.stop()
        scheduler.stop()

    for series in (first, every):  # a scrape changes nothing
        route = "/api/v1/status"
        assert total(series, "http_requests_total", route=route, status="200") == sent
        assert total(series, "http_requests_total", route="other", status="404") == 1
        counted = total(series, "http_request_duration_seconds_count")
        assert counted == total(series, "http_requests_total")

    def added(name: str, **labels: str) -> float:
        return total(every, name, **labels) - total(before, name, **labels)

    assert added("github_requests_total", token="token") == len(hub.github.requests)
    lookups = Lookup.objects.filter(outcome=Outcome.FOUND).count()
    task = "tasks.refresh.lookup_directory"
    assert added("task_duration_seconds_count", task=task, state="SUCCESS") == lookups == 3

    assert total(every, "runs_total") == RefreshRun.objects.exclude(finished_at=None).count() == 1
    assert total(every, "run_duration_seconds_count", run="refresh") == 1
    assert total(every, "lookups_total", run="refresh", outcome="found") == lookups
    assert total(every, "directories") == ExporterContents.objects.count() == 3
    assert total(every, "findings", level="error") == 3
    assert total(every, "map_state", state="fresh") == 1
    served = ServedContents.objects.get()
    assert served.as_of
    assert total(every, "map_confirmed_timestamp_seconds") == pytest.approx(
        served.as_of.timestamp()
    )
    assert total(every, "migrations_pending") == 0
    tick = PeriodicTask.objects.get(task=HOUSEKEEPING_TASK).last_run_at
    assert tick
    assert total(every, "beat_last_tick_timestamp_seconds") <= clock.now().timestamp()
    assert total(every, "build_info", version=VERSION) == 3
    for name in ("database_up", "broker_up"):
        assert total(every, name) == 1, name


def test_without_postgres_and_redis_the_other_metrics_are_served() -> None:
    address, closed = MetricsAddress("web"), "127.0.0.1:1"
    urls = {"DATABASE_URL": f"postgres://hub@{closed}/hub", "REDIS_URL": f"redis://{closed}/0"}
    server = web(free_port(), env={**address.env, **urls})
    server.start()
    try:
        server.wait_for_output("Started server process")
        series = address.scrape()
    finally:
        server.stop()
    values = {each.name: each.value for each in series}
    assert (values["exporterhub_database_up"], values["exporterhub_broker_up"]) == (0, 0)
    assert values["process_start_time_seconds"]
    assert "exporterhub_map_state" not in values


def test_a_process_works_although_the_address_of_its_metrics_is_in_use() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        server = web(port, env={"HUB_METRICS_ADDR": address})
        server.start()
        try:
            server.wait_for_output("Started server process")
            assert requests.get(f"http://127.0.0.1:{port}/robots.txt", timeout=10).ok
        finally:
            server.stop()
    assert "cannot serve metrics on 127.0.0.1" in server.output()
    assert "Set HUB_METRICS_ADDR to a free address" in server.output()


# --- the state ------------------------------------------------------------------------------------

_RUNS = ("refresh", "facts")
_SOURCE = configured_source().key
_LATER = datetime(2040, 1, 1, tzinfo=UTC)


def add_every_state(tokens: int) -> None:
    """Store what gives a series to every value of every enumeration, and tokens."""
    ended = list(RunStatus)[list(RunStatus).index(RunStatus.PUBLISHED) :]
    statuses = itertools.product(_RUNS, RunTrigger, ended)
    outcomes = itertools.product(_RUNS, [Outcome.FAILED], Reason)
    others = itertools.product(_RUNS, [Outcome.FOUND, Outcome.MISSING, Outcome.PENDING], [""])
    buckets = itertools.product(_RUNS, map(str, BUCKETS))
    add_to_totals(
        [
            *((RUNS, {"run": r, "trigger": t, "status": s}, 1) for r, t, s in statuses),
            *(
                (LOOKUPS, {"run": run, "outcome": outcome, "reason": reason}, 1)
                for run, outcome, reason in (*outcomes, *others)
            ),
            *((RUN_SECONDS, {"run": run}, 1) for run in _RUNS),
            *((RUN_BUCKETS, {"run": run, "le": limit}, 1) for run, limit in buckets),
            *((WEBHOOK_DELIVERIES, {"action": action}, 1) for action in DeliveryAction),
        ]
    )
    run = RefreshRun.objects.create(
        source=_SOURCE,
        trigger=RunTrigger.ADMIN,
        status=RunStatus.PUBLISHED,
        deadline=_LATER,
        finished_at=clock.now(),
    )
    RefreshRun.objects.create(source=_SOURCE, trigger=RunTrigger.ADMIN, deadline=_LATER)
    FactsRun.objects.create(trigger=RunTrigger.ADMIN, deadline=_LATER)
    snapshot = Snapshot.objects.create(
        run=run, source=_SOURCE, root_sha="1", contents_sha="1", complete=True, rules=1
    )
    ServedContents.objects.update_or_create(
        source=_SOURCE,
        defaults={
            "snapshot": snapshot,
            "state": ServedState.FRESH,
            "as_of": clock.now(),
            "body_gzip": b"",
        },
    )
    ExporterContents.objects.bulk_create(
        ExporterContents(source=_SOURCE, directory=reason, stale=reason) for reason in ("", *Reason)
    )
    limits = {
        f"{resource}_{name}": value
        for resource in Resource
        for name, value in (("limit", 5000), ("remaining", 10), ("reset_at", _LATER))
    }
    GitHubToken.objects.bulk_create(
        GitHubToken(name=f"token {n}", secret=f"{TOKEN}{n}", expires_at=_LATER, **limits)
        for n in range(tokens)
    )


@pytest.mark.django_db
def test_the_number_of_series_and_of_queries_is_limited() -> None:
    add_every_state(tokens=3)
    with CaptureQueriesContext(connection) as queries:
        series = state()
    of_tokens = [each for each in series if "token" in each.labels]
    assert len(of_tokens) == 3 * 6
    assert 150 < len(series) - len(of_tokens) <= 300
    assert len(queries) <= 16, [query["sql"] for query in queries]


@pytest.mark.django_db(transaction=True)
def test_scrapes_share_a_connection_and_replace_a_lost_one() -> None:
    scraped = ScrapedState()

    def scrape() -> int:
        """Scrape in a new thread, as the server does. Return the process of Postgres."""
        with ThreadPoolExecutor(1) as thread:
            metrics = thread.submit(lambda: list(scraped.collect())).result()
        assert "exporterhub_map_state" in {metric.name for metric in metrics}
        return int(scraped.connection.connection.info.backend_pid)

    try:
        first = scrape()
        assert scrape() == first
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
        assert scrape() != first
    finally:
        scraped.connection.close()


@pytest.mark.django_db
def test_made_up_addresses_and_methods_add_no_series() -> None:
    client = Client()

    def ask(number: int) -> int:
        for path in (
            f"/{number}",
            f"/exporters/x-{number}",
            f"/api/v1/contents/{number}",
            f"/static/{number}.js",
            f"/admin/hub/{number}/",
            f"/directories/{number}",
        ):
            client.get(path)
            client.generic(f"METHOD{number}", path)
        return len(series_of(generate_latest().decode()))

    assert ask(1) == ask(2) == ask(3)


@pytest.mark.django_db
def test_no_secret_is_the_value_of_a_label() -> None:
    GitHubToken.objects.bulk_create(
        [
            GitHubToken(name=TOKEN, secret=TOKEN),
            GitHubToken(name="the old-style-secret-of-bob", secret="old-style-secret"),
            GitHubToken(name="github_pat_of_another_hub", secret="y" * 40),
            GitHubToken(name="of the team", secret="z" * 40),
        ]
    )
    series = state()
    labels = {value for each in series for value in each.labels.values()}
    assert {"of the team"} <= labels
    assert not [v for v in labels if TOKEN in v or "old-style" in v or "github_pat_" in v]
    tokens = {each.labels["token"] for each in series if "token" in each.labels}
    assert len(tokens) == 4


@pytest.mark.django_db
def test_a_counter_keeps_its_value_when_housekeeping_deletes_the_rows() -> None:
    old = clock.now() - timedelta(days=1000)
    with transaction.atomic():
        run = refresh_runs.create(source=_SOURCE, trigger=RunTrigger.ADMIN)
        Lookup.objects.create(run=run, directory="a", tree_sha="1", outcome=Outcome.FOUND)
        Lookup.objects.create(run=run, directory="b", tree_sha="1")
        refresh_runs.end(run, RunStatus.FAILED, Reason.DEADLINE)
        take_ping("sha256=1", None)
        take_ping("sha256=1", None)  # sent again
    before = state()
    labels = {"run": "refresh", "trigger": "admin", "status": "failed"}
    assert total(before, "runs_total", **labels) == 1
    assert total(before, "run_duration_seconds_count", run="refresh") == 1
    assert total(before, "run_duration_seconds_bucket", le="1.0") == 1
    assert total(before, "lookups_total", outcome="found") == 1
    assert total(before, "lookups_total", outcome="pending") == 1
    assert total(before, "webhook_deliveries_total", action="pong") == 1

    RefreshRun.objects.update(started_at=old, finished_at=old)
    WebhookDelivery.objects.update(received_at=old)
    prune_contents()
    prune_deliveries()
    assert not RefreshRun.objects.exists()
    assert not WebhookDelivery.objects.exists()
    after = state()
    for name in ("runs_total", "lookups_total", "webhook_deliveries_total"):
        assert total(after, name) == total(before, name)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statuses", "failed", "held"),
    [
        ("", 0, 0),
        ("published", 0, 0),
        ("published failed no_token failed", 3, 0),
        ("failed failed unchanged failed", 1, 0),
        ("failed held", 0, 1),
        ("held published", 0, 0),
    ],
)
def test_the_newest_runs_are_judged(statuses: str, failed: int, held: int) -> None:
    for status in statuses.split():
        now = clock.now()
        RefreshRun.objects.create(
            source=_SOURCE, trigger=RunTrigger.ADMIN, status=status, deadline=now, finished_at=now
        )
    RefreshRun.objects.create(source=_SOURCE, trigger=RunTrigger.ADMIN, deadline=_LATER)  # open
    series = state()
    assert total(series, "consecutive_failed_runs", run="refresh") == failed
    assert total(series, "run_held") == held
    assert total(series, "open_run_start_timestamp_seconds", run="refresh") > 0


@pytest.mark.django_db
def test_a_map_that_no_run_confirms_is_stale_and_overdue() -> None:
    add_every_state(tokens=0)
    late = clock.now() - timedelta(days=3)
    ServedContents.objects.update(as_of=late, fresh_until=late)
    series = state()
    assert (total(series, "map_state", state="stale"), total(series, "map_state")) == (1, 1)
    assert total(series, "map_overdue_timestamp_seconds") < clock.now().timestamp()
    ServedContents.objects.update(state=ServedState.STALE, fresh_until=None)  # after a failed run
    assert total(state(), "map_overdue_timestamp_seconds") == total(
        series, "map_overdue_timestamp_seconds"
    )


@pytest.mark.django_db
def test_a_token_is_refused_until_github_accepts_it() -> None:
    token = GitHubToken.objects.bulk_create([GitHubToken(name="one", secret=TOKEN, refusals=2)])[0]
    assert total(state(), "github_token_refused", token="one") == 1  # the next run tries it again
    GitHubToken.objects.filter(pk=token.pk).update(refusals=0, state=TokenState.VALID)
    assert total(state(), "github_token_refused", token="one") == 0


def test_the_expiry_of_a_token_is_stored(hub: Hub) -> None:
    hub.add_token()
    hub.fill("Alpha/alerts.yaml")
    expiry = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    hub.github.expire(TOKEN, expiry)
    assert hub.refresh().status == RunStatus.PUBLISHED
    assert GitHubToken.objects.get().expires_at == expiry
    assert total(state(), "github_token_expiry_timestamp_seconds") == expiry.timestamp()
    hub.github.expire(TOKEN, datetime.now(UTC))
    assert hub.refresh().reason == Reason.TOKEN_REFUSED
    assert total(state(), "github_token_refused") == 1


# --- what is documented ---------------------------------------------------------------------------


@pytest.mark.django_db
def test_each_metric_is_documented_with_its_labels_and_type() -> None:
    add_every_state(tokens=1)
    for module in ("hub.monitoring.requests", "hub.monitoring.tasks", "hub.web.middleware"):
        importlib.import_module(module)
    importlib.import_module("hub.ops.beat_scheduler")
    registry = CollectorRegistry()
    registry.register(StateCollector())
    registry.register(BuildInfo())
    of_processes = [
        metric for metric in REGISTRY._collector_to_names if hasattr(metric, "_labelnames")
    ]
    exported = {
        *(row(metric, metric.samples[0].labels) for metric in registry.collect()),
        *(row(metric.describe()[0], metric._labelnames) for metric in of_processes),
    }
    text = (ROOT / "docs" / "monitoring.md").read_text()
    documented = re.findall(
        r"^\| `(exporterhub_\w+)(?:\{(.*?)\})?` \| (\w+) \|", text, re.MULTILINE
    )
    assert len(documented) == len(exported)
    assert {
        (n, tuple(filter(None, names.split(", "))), t) for n, names, t in documented
    } == exported


def row(metric: Metric, labels: Iterable[str]) -> tuple[str, tuple[str, ...], str]:
    """Return name, labels and type of a metric as in the documentation."""
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    return name, tuple(label for label in labels if label != "le"), metric.type
