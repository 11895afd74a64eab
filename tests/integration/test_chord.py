"""Tests of the chord with two worker processes, a real Redis and a real Postgres.

They use pytest-celery, with processes instead of containers.
"""

import re
from typing import Any

import pytest
from celery import Celery
from django.utils import timezone
from pytest_celery import (
    CeleryBackendCluster,
    CeleryBrokerCluster,
    CeleryTestBackend,
    CeleryTestBroker,
    CeleryTestSetup,
    CeleryTestWorker,
    CeleryWorkerCluster,
)

from config.celery import app
from hub.content.runs import start_refresh
from hub.demo.fake_github import Fault
from hub.demo.fake_github import faults as f
from hub.models import (
    ExporterContents,
    Lookup,
    Outcome,
    Reason,
    RefreshRun,
    RunStatus,
    RunTrigger,
    Snapshot,
)
from tests.common.processes import Process, redis_url
from tests.common.transactions import transactions_that_write
from tests.common.waiting import wait_until
from tests.conftest import Hub


class ProcessContainer:
    """A process with the interface of pytest-celery's containers."""

    def __init__(self, name: str, process: Process | None = None) -> None:
        self.name = self.id = name
        self.process = process
        self._log_start = 0
        self.celeryconfig = {"url": redis_url(), "host_url": redis_url()}

    @property
    def status(self) -> str:
        return "running" if self.process is None or self.process.running else "exited"

    def ready(self) -> bool:
        return self.status == "running"

    def logs(self) -> str:
        return self.process.output()[self._log_start :] if self.process else ""

    def forget_logs(self) -> None:
        """Skip the logs of earlier tests, whose runs may have the same ids."""
        self._log_start += len(self.logs())

    def kill(self, signal: Any = None) -> None:
        assert self.process is not None
        self.process.kill()

    def reload(self) -> None: ...

    def restart(self, timeout: float | None = None) -> None:
        assert self.process is not None
        self.process.start()
        self.process.wait_for_output("first run:")

    def teardown(self) -> None: ...


class ProcessWorker(CeleryTestWorker):
    """A worker process of the hub."""

    def __init__(self, container: ProcessContainer, app: Celery) -> None:
        self._container, self._app = container, app  # type: ignore[assignment]

    worker_queue = "hub"

    def hostname(self) -> str:
        return f"{self.container.name}@tests"


class HubSetup(CeleryTestSetup):
    """Uses the hub's app instead of an empty one."""

    @classmethod
    def create_setup_app(cls, celery_setup_config: dict, celery_setup_app_name: str) -> Celery:
        return app


@pytest.fixture
def celery_setup_cls() -> type[CeleryTestSetup]:
    return HubSetup


@pytest.fixture
def celery_broker_cluster() -> CeleryBrokerCluster:
    return CeleryBrokerCluster(CeleryTestBroker(ProcessContainer("redis")))


@pytest.fixture
def celery_backend_cluster() -> CeleryBackendCluster:
    return CeleryBackendCluster(CeleryTestBackend(ProcessContainer("redis")))


@pytest.fixture
def celery_worker_cluster(_workers: list[Process]) -> CeleryWorkerCluster:
    names = ("one", "two")
    return CeleryWorkerCluster(
        *(
            ProcessWorker(ProcessContainer(name, process), app)
            for name, process in zip(names, _workers, strict=True)
        )
    )


@pytest.fixture
def chord_of_forty(celery_setup: CeleryTestSetup, hub: Hub) -> RefreshRun:
    """Run a refresh of forty directories, with 300 ms per response and empty worker logs."""
    for node in celery_setup.worker_cluster:
        node.container.forget_logs()
    assert celery_setup.ready(control=True)
    hub.add_token()
    hub.fill(*(f"D{number:02}/alert.yaml" for number in range(40)))
    hub.github.latency = 0.3
    return hub.refresh()


def test_lookups_overlap_in_time_on_both_workers(
    chord_of_forty: RefreshRun, celery_setup: CeleryTestSetup, hub: Hub
) -> None:
    lookups = [r for r in hub.github.requests if "recursive" in r.path or r.path == "/graphql"]
    assert len(lookups) == 80
    most = max(sum(a.started <= b.started < a.finished for a in lookups) for b in lookups)
    assert most > 8, "more at once than one worker's eight threads"
    for node in celery_setup.worker_cluster:
        assert re.search(r"tasks\.refresh\.lookup_directory\[.*succeeded", node.logs())


def test_the_body_runs_once_and_after_every_header_task(
    chord_of_forty: RefreshRun, celery_setup: CeleryTestSetup
) -> None:
    run = chord_of_forty
    assert run.status == RunStatus.PUBLISHED
    assert Snapshot.objects.filter(run=run).count() == 1
    published = [
        line
        for node in celery_setup.worker_cluster
        for line in node.logs().splitlines()
        if f"run {run.pk} ended: published" in line
    ]
    assert len(published) == 1
    assert max(run.lookups.values_list("finished_at", flat=True)) <= run.finished_at


def test_the_body_writes_in_one_transaction(chord_of_forty: RefreshRun, hub: Hub) -> None:
    hub.fill("D00/dashboard.json", "New/alert.yaml")
    with transactions_that_write(
        hub_exportercontents="true",
        hub_snapshot="true",
        hub_servedcontents="true",
        hub_change="true",
        hub_refreshrun=f"NEW.status = '{RunStatus.PUBLISHED}'",
    ) as count:
        assert hub.refresh().status == RunStatus.PUBLISHED
        assert count() == 1


def test_a_second_delivery_of_the_body_changes_nothing(chord_of_forty: RefreshRun) -> None:
    app.send_task("tasks.refresh.publish_contents", args=[[], chord_of_forty.pk])
    app.send_task("tasks.refresh.list_directories", args=[chord_of_forty.pk])
    lookup = Lookup.objects.filter(run=chord_of_forty).first()
    result = app.send_task(
        "tasks.refresh.lookup_directory", args=[chord_of_forty.pk, lookup.directory]
    )
    assert result.get(timeout=20)["outcome"] == Outcome.FOUND
    assert RefreshRun.objects.get(pk=chord_of_forty.pk).finished_at == chord_of_forty.finished_at
    assert Snapshot.objects.count() == 1


def test_a_killed_worker_leaves_a_run_that_housekeeping_closes(
    celery_setup: CeleryTestSetup, hub: Hub
) -> None:
    """A dead worker's message comes back after the deadline, so housekeeping publishes the rest."""
    hub.add_token()
    hub.fill(*(f"D{number:02}/alert.yaml" for number in range(10)))
    held = hub.github.repository.find("main", "contents/D05").sha
    hub.github.faults.append(Fault(f.slow(60), match=held, times=1))
    run = start_refresh(RunTrigger.COMMAND).run
    done = Lookup.objects.filter(run=run).exclude(outcome=Outcome.PENDING)
    wait_until(lambda: done.count() == 9, "nine of ten lookups")
    victim = next(node for node in celery_setup.worker_cluster if _holds_a_lookup(node.logs()))
    victim.kill()
    try:
        RefreshRun.objects.filter(pk=run.pk).update(deadline=timezone.now())
        app.send_task("tasks.housekeeping.housekeeping")
        wait_until(lambda: not RefreshRun.objects.get(pk=run.pk).is_open, "the run to be closed")
    finally:
        victim.container.restart()
    assert RefreshRun.objects.get(pk=run.pk).status == RunStatus.PUBLISHED
    rows = dict(ExporterContents.objects.values_list("directory", "stale"))
    assert rows.pop("D05") == Reason.DEADLINE
    assert set(rows.values()) == {""}


def _holds_a_lookup(logs: str) -> bool:
    received = re.findall(r"lookup_directory\[([0-9a-f-]+)\] received", logs)
    ended = re.findall(r"lookup_directory\[([0-9a-f-]+)\] succeeded", logs)
    return bool(set(received) - set(ended))
