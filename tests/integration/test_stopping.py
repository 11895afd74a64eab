"""A worker that is told to stop does not wait for a response of GitHub that takes too long."""

import signal
import threading

from hub.demo.fake_github import FakeGitHub, Fault
from hub.models import Lookup, Outcome, RefreshRun, RunStatus
from tests.common import contents
from tests.common.processes import redis_url, worker
from tests.common.waiting import wait_until
from tests.conftest import TOKEN


def test_a_worker_stops_although_github_does_not_respond(
    github: FakeGitHub, transactional_db: None
) -> None:
    for name in ("Kafka", "Redis"):
        path = f"{name}/alert.yaml"
        github.repository.write(f"contents/{path}", contents.of_its_name(path))
    held, go_on = threading.Event(), threading.Event()

    def hold(_: object) -> bool:
        held.set()
        go_on.wait(60)
        return False

    slow = github.repository.find("main", "contents/Redis").sha
    github.faults.append(Fault(hold, match=slow, times=1))
    env = {
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_READ_TIMEOUT": "60",
        "REDIS_URL": f"{redis_url().rpartition('/')[0]}/7",
    }
    process = worker("stopping", env=env)
    process.start()
    try:
        assert held.wait(30)
        wait_until(Lookup.objects.filter(outcome=Outcome.FOUND).exists, "the other lookup")
        process.kill(signal.SIGTERM)
        wait_until(lambda: not process.running, "the worker to stop", seconds=50)
        assert "Another worker repeats them" in process.output()
        assert RefreshRun.objects.get().status == RunStatus.LOOKING_UP
        assert Lookup.objects.get(directory="Redis").outcome == Outcome.PENDING
    finally:
        go_on.set()
        process.stop()
