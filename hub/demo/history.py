"""Give the demo a history: a file of the sample is removed and added again."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

from hub.content.runs import start_refresh
from hub.github.client import shared_client
from hub.github.source import Source, configured_source
from hub.models import Change, RunTrigger, Snapshot

_CONTENTS = Path(__file__).parent / "sample" / "contents"
_FILE = "Ceph/Ceph_alert.yaml"
_TIMEOUT = 120  # seconds; a refresh of the sample takes a few


def record_history() -> None:
    """Commit two changes to the demo's repository, and publish each.

    Do nothing if the hub has recorded changes already. The fake GitHub keeps its repository in
    memory, so after a restart it has the file again, even if this function was interrupted.
    """
    source = configured_source()
    if not source.demo or Change.objects.filter(source=source.key).exists():
        return
    _wait(lambda: Snapshot.objects.filter(source=source.key).exists())
    client, path = shared_client(), f"{source.path}/{_FILE}"
    name, branch = source.repository, source.branch
    sha = client.file_sha(name, branch, path)
    client.delete_file(name, branch, path, "Remove the alerts for a review", sha)
    _publish_change(source)
    data = (_CONTENTS / _FILE).read_bytes()
    client.write_file(name, branch, path, data, "Add the reviewed alerts", "")
    _publish_change(source)


def _publish_change(source: Source) -> None:
    changes = Change.objects.filter(source=source.key)
    before = changes.count()
    start_refresh(RunTrigger.COMMAND, follow_up=True)
    _wait(lambda: changes.count() > before)


def _wait(is_done: Callable[[], bool]) -> None:
    """Poll Postgres, because workers execute the runs. Raises `TimeoutError`."""
    until = monotonic() + _TIMEOUT
    while not is_done():
        if monotonic() > until:
            raise TimeoutError(f"nothing was published within {_TIMEOUT} s: see the worker's log")
        sleep(0.5)
