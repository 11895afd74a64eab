"""Check a hub that uses other servers than the tests' own."""

import json
import os

from hub.demo.fake_github import FakeGitHub
from hub.models import ExporterContents, RefreshRun
from tests.common import contents
from tests.common.processes import database_url, manage, worker
from tests.common.waiting import wait_until
from tests.conftest import TOKEN


def check_hub(github: FakeGitHub, **servers: str) -> None:
    """Run a worker with these settings of servers: it must do all that a refresh needs."""
    env = os.environ | {"DATABASE_URL": database_url(), "GITHUB_TOKEN": TOKEN} | servers
    env["GITHUB_POINTS_PER_MINUTE"] = "600"  # uses the request budget in Redis
    for number in range(10):
        path = f"Number_{number}/alert.yaml"
        github.repository.write(f"contents/{path}", contents.of_its_name(path))
    process = worker("other", env=env)
    process.start()
    try:
        process.wait_for_output("first run: run")
        wait_until(RefreshRun.objects.exclude(finished_at=None).exists, "the first run")
        assert ExporterContents.objects.filter(alerts_usable=True).count() == 10
        github.repository.write("contents/Number_0/README.md", b"# Read me\n")
        run = json.loads(manage(env, "refresh", "--json"))
        assert (run["status"], run["looked_up"], run["failed"]) == ("published", 1, 0)
        assert manage(env, "probe", "worker", "--hostname=other@tests") == "ok\n"
        said = process.output()
        assert "Traceback" not in said
        assert "continuing without it" not in said  # the request budget
    finally:
        process.stop()
