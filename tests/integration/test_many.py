"""A large repository: hundreds of directories with five files each."""

from pathlib import Path

import psutil
from django.test import Client

from hub.content import status
from hub.content.runs import start_refresh
from hub.demo.fake_github import Repository
from hub.models import ContentBlob, RunStatus, RunTrigger
from tests.common import contents
from tests.common.transactions import transactions_that_write
from tests.common.waiting import wait_until
from tests.conftest import Hub

DIRECTORIES = 300
LARGEST_WORKER = 300 * 1024 * 1024  # bytes


def fill(folder: Path) -> Repository:
    """Return a repository with five different files in each directory."""
    for number in range(DIRECTORIES):
        directory = folder / "contents" / f"Exporter_{number:04}"
        (directory / "helm" / "templates").mkdir(parents=True)
        mark = f"# {number}\n".encode()
        for path, content in {
            "alert.yaml": contents.alert(f"Down{number}"),
            "dashboard.json": contents.dashboard(f"Board {number}"),
            "helm/Chart.yaml": contents.CHART + mark,
            "helm/templates/service.yaml": mark,
            "README.md": mark + b"read me\n",
        }.items():
            (directory / path).write_bytes(content)
    return Repository.of_folder(folder)


def test_many_directories(hub: Hub, tmp_path: Path) -> None:
    hub.github.repository = fill(tmp_path)
    hub.add_token()
    workers = [psutil.Process(process.pid) for process in hub.workers]
    largest = 0
    with transactions_that_write(hub_exportercontents="true", hub_servedcontents="true") as count:
        started = start_refresh(RunTrigger.COMMAND)

        def ended() -> object:
            nonlocal largest
            largest = max(largest, *(worker.memory_info().rss for worker in workers))
            return status.runs().filter(pk=started.run.pk, finished_at__isnull=False).first()

        run = wait_until(ended, "the run to end", seconds=180)
        assert count() == 1
    assert run.status == RunStatus.PUBLISHED
    assert run.looked_up == DIRECTORIES
    assert run.failed == 0
    body = Client().get("/api/v1/contents").json()
    assert len(body["contents"]) == DIRECTORIES
    assert {tuple(usable.values()) for usable in body["usable"].values()} == {(True, True, True)}
    assert ContentBlob.objects.count() == 5 * DIRECTORIES
    assert largest < LARGEST_WORKER
