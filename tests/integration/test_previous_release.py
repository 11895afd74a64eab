"""The previous release works with the tables of this version, as during a rolling upgrade."""

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

from hub.models import Category, Exporter, RunStatus
from tests.common.processes import ROOT, database_url
from tests.conftest import Hub

RELEASES = ROOT / "tests" / "data" / "releases"
# Runs with the code of the release. Each model reads one row with all columns that it knows.
READ_AND_WRITE = """
import django
django.setup()
from django.apps import apps
from django.db import transaction
from django.test import Client
from hub.content.runs import start_refresh
from hub.models import Category, Exporter, RefreshRun, RunTrigger
for path in (
    *("/", "/exporters/redis", "/exporters/redis/alerts", "/coverage", "/status", "/changes.atom"),
    *("/api/v1/contents", "/api/v1/exporters", "/api/v1/status", "/api/v1/runs"),
):
    response = Client().get(path)
    assert response.status_code == 200, (path, response.status_code)
    if path == "/api/v1/contents":
        assert response.json()["contents"]["Redis"]["A"] is True
for model in apps.get_models():
    list(model._default_manager.all()[:1])
with transaction.atomic():
    Exporter.objects.create(
        slug="new", title="New", repository="https://github.com/o/new",
        category=Category.objects.first(),
    )
    run = start_refresh(RunTrigger.COMMAND).run
    run.lookups.create(directory="New", tree_sha="0" * 40)
    transaction.set_rollback(True)
"""


def test_the_code_of_the_previous_release_reads_and_writes(hub: Hub, tmp_path: Path) -> None:
    """Drop a column one release after the code has stopped using it (CONTRIBUTING.md)."""
    newest = re.search(r"^## \[(\d\S*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    with tarfile.open(RELEASES / f"hub-{newest[1]}.tar.xz") as code:
        code.extractall(tmp_path)  # noqa: S202 — our own archive; Python 3.11.2 has no filter
    hub.add_token()
    hub.fill("Redis/Redis_alert.yaml")
    category = Category.objects.create(name="Databases")
    Exporter.objects.create(
        slug="redis", title="Redis", repository="https://github.com/o/redis", category=category
    )
    assert hub.refresh().status == RunStatus.PUBLISHED
    done = subprocess.run(
        [sys.executable, "-c", READ_AND_WRITE],
        cwd=tmp_path,
        env={
            **os.environ,
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "HUB_ALLOWED_HOSTS": "testserver",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
