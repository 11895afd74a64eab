"""`make run` while the disk of its data folder is full."""

import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import requests

from tests.common.waiting import wait_until
from tests.faults.quota import Quota, may_mount
from tests.integration.ops.test_run import LocalHub, free_row

pytestmark = pytest.mark.skipif(not may_mount(), reason="mounting a file system needs root")


@pytest.fixture
def quota() -> Iterator[tuple[Path, Quota]]:
    """A folder with a quota."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        quota = Quota.over(Path(folder))
        assert quota is not None
        yield Path(folder), quota
        quota.unmount()


def contents(hub: LocalHub) -> dict[str, object]:
    answer = hub.get("/api/v1/contents")
    assert answer.status_code == 200
    return answer.json()  # type: ignore[no-any-return]


def edit(hub: LocalHub, auth: tuple[str, str]) -> requests.Response:
    """Send an edit that does not fit into the pages that Postgres already has."""
    proposal = {
        "directory": "Redis",
        "path": f"{secrets.token_hex(8)}.txt",
        "text": secrets.token_hex(50_000),
    }
    url = f"http://127.0.0.1:{hub.port}/api/v1/edits"
    return requests.post(url, json=proposal, auth=auth, timeout=30)


def served_unless_postgres_crashed(hub: LocalHub, page: str) -> bool:
    """Return whether a page is served, or Postgres has crashed, which it does without space for
    its log; then only the copy of the contents is served.
    """
    return hub.get(page).status_code == 200 or contents(hub)["reason"] == "no_database"


def test_readers_are_served_while_the_disk_is_full(quota: tuple[Path, Quota]) -> None:
    folder, limit = quota
    hub = LocalHub(folder / "data", free_row())
    with tempfile.TemporaryDirectory() as logs:
        hub.log, hub.temporary = Path(logs) / "hub.log", Path(logs) / "tmp"
        hub.start()
        try:
            hub.wait_for("Press Ctrl-C to stop the hub")
            wait_until(lambda: contents(hub)["state"] == "fresh", "a filled map")
            password = re.search(r"admin / (\S+)", hub.output())
            assert password is not None
            auth = ("admin", password[1])
            assert edit(hub, auth).status_code == 202
            wait_until(lambda: hub.get("/api/v1/status").json()["open_run"] is None, "the run")
            before = contents(hub)

            limit.use_up()
            status, body = wait_until(
                lambda: (
                    (answer := edit(hub, auth)).status_code != 202
                    and (answer.status_code, answer.json())
                ),
                "an edit that does not fit",
            )
            assert status == 503
            assert "is full" in body["detail"]
            assert contents(hub)["contents"] == before["contents"]
            for page in ("/", "/exporters/redis", "/status", "/coverage"):
                wait_until(lambda page=page: served_unless_postgres_crashed(hub, page), page)

            # After a crash, Postgres cannot start until there is space. It may have crashed before,
            # and the crash may have left enough space for a start.
            def copy_without_postgres() -> dict[str, object] | None:
                limit.use_up()
                for process in hub.children():
                    with suppress(psutil.NoSuchProcess):
                        if process.name() == "postgres" and "-D" in process.cmdline():
                            process.kill()
                copy = contents(hub)
                return copy if copy["reason"] == "no_database" else None

            served = wait_until(copy_without_postgres, "the copy")
            assert served["contents"] == before["contents"]
            assert (served["state"], served["as_of"]) == ("stale", before["as_of"])

            limit.lift()
            wait_until(lambda: edit(hub, auth).status_code == 202, "an edit after the repair")
            wait_until(
                lambda: (now := contents(hub))["state"] == "fresh" and now["run"] != before["run"],
                "a new map",
                seconds=60,
            )
        finally:
            limit.lift()
            hub.end()
