"""Workers of two versions of the rules share the work, as during a rolling upgrade."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from hub.content.judgement import RULES_VERSION
from hub.models import Change, RunStatus, Snapshot
from tests.common import contents
from tests.common.newer_rules import VERSION
from tests.common.processes import Process, worker
from tests.conftest import Hub

_DIRECTORIES = [f"Exporter_{number}" for number in range(4)]
_LOOKED_UP = "Task tasks.refresh.lookup_directory"


@pytest.fixture
def newer(hub: Hub) -> Iterator[Process]:
    """A worker with newer rules, beside the hub's own workers, which judged everything."""
    hub.add_token()
    hub.fill(*(f"{name}/{name}_alert.yaml" for name in _DIRECTORIES))
    assert hub.refresh().status == RunStatus.PUBLISHED
    process = worker("newer")
    process.command = ("tests.common.newer_rules", *process.command)
    start(process)
    yield process
    process.stop()
    start(*(each for each in hub.workers if not each.running))


def start(*processes: Process) -> None:
    for process in processes:
        process.start()
    for process in processes:
        process.wait_for_output("first run: not needed")


def stop(*processes: Process) -> None:
    for process in processes:
        process.stop()


def served() -> dict[str, Any]:
    return Client().get("/api/v1/contents").json()  # type: ignore[no-any-return]


def judged_by_newer_rules() -> set[str]:
    return {name for name, usable in served()["usable"].items() if usable["A"] is False}


def test_no_directory_becomes_stale_while_both_versions_run(hub: Hub, newer: Process) -> None:
    def lookups(*processes: Process) -> int:
        return sum(process.output().count(_LOOKED_UP) for process in processes)

    before = lookups(*hub.workers)
    unchanged: set[str] = set()
    for number in itertools.count():
        pushed = set(_DIRECTORIES[number % 2 :: 2])
        for name in pushed:
            hub.write(f"{name}/values-{number}.yaml", contents.VALUES)
        run = hub.refresh()
        assert (run.status, run.failed) == (RunStatus.PUBLISHED, 0)
        assert served()["stale"] == {}
        # What the newer rules judged is not judged by the older ones, unless it is pushed.
        assert unchanged - pushed <= judged_by_newer_rules()
        unchanged = judged_by_newer_rules()
        if lookups(newer) > 5 and lookups(*hub.workers) - before > 5:
            break
    stop(*hub.workers)
    hub.refresh()
    assert judged_by_newer_rules() == set(_DIRECTORIES)
    assert served()["stale"] == {}
    assert Snapshot.objects.latest("pk").rules == VERSION
    assert hub.refresh().status == RunStatus.UNCHANGED


def test_the_older_version_leaves_a_newer_map_as_it_is(hub: Hub, newer: Process) -> None:
    stop(*hub.workers)
    assert hub.refresh().status == RunStatus.PUBLISHED
    assert judged_by_newer_rules() == set(_DIRECTORIES)
    stop(newer)
    start(*hub.workers)
    changes = Change.objects.count()
    assert hub.refresh().status == RunStatus.UNCHANGED
    assert hub.refresh(full=True).status == RunStatus.PUBLISHED
    assert judged_by_newer_rules() == set(_DIRECTORIES)
    assert served()["stale"] == {}
    assert Change.objects.count() == changes

    # It judges what is new, and the newer version judges that again.
    hub.fill("New/New_alert.yaml")
    assert hub.refresh().status == RunStatus.PUBLISHED
    assert judged_by_newer_rules() == set(_DIRECTORIES)
    assert Snapshot.objects.latest("pk").rules == RULES_VERSION
    stop(*hub.workers)
    start(newer)
    hub.refresh()
    assert judged_by_newer_rules() == {*_DIRECTORIES, "New"}
    assert Snapshot.objects.latest("pk").rules == VERSION
