"""Backup and restore of a hub with data from real workers."""

import json
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from hub.content.runs import refresh_runs
from hub.github.source import configured_source
from hub.models import (
    Category,
    Exporter,
    GitHubToken,
    RefreshRun,
    RunStatus,
    RunTrigger,
)
from hub.ops.backup import restore
from hub.ops.backup.create import create_backup
from tests.common import databases
from tests.common.databases import empty_database, everything
from tests.common.processes import ROOT, database_url
from tests.conftest import TOKEN, Hub

PATHS = (
    "Redis/alert.yaml",
    "Redis/values.yaml",
    "Kafka Exporter/alert.yaml",
    "Ünïcode/values.yaml",
)
HARD = "tabs\tand\nline ends, \\ and \\N, \\. and 'quotes', \x07 and 🐘"


@pytest.fixture
def full(hub: Hub) -> Hub:
    """A hub with contents, an exporter, a user, a token, and a schedule that an admin edited."""
    hub.fill(*PATHS)
    Exporter.objects.create(
        slug="redis",
        title="Redis",
        repository="https://github.com/tests/redis_exporter",
        category=Category.objects.create(name="Database"),
        description=HARD,
    )
    User.objects.create_superuser("root", password="a password of the tests")
    PeriodicTask.objects.filter(name="Refresh contents").update(enabled=False)
    hub.add_token()
    assert hub.refresh().status == RunStatus.PUBLISHED
    hub.wait_until_idle()  # the tasks after a publication write to the tables, too
    return hub


def manage(*command: str, url: str = "", **options: object) -> subprocess.CompletedProcess[bytes]:
    """Run `manage.py` through the image's entrypoint, in a separate process."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        ["sh", "docker/entrypoint.sh", "python", "manage.py", *command],
        cwd=ROOT,
        env={**os.environ, "PATH": path, "DATABASE_URL": url or database_url()},
        stderr=subprocess.PIPE,
        check=False,
        **options,
    )


def backup(path: Path) -> Path:
    call_command("backup", str(path), stdout=StringIO())
    return path


def contents(file: Path) -> dict[str, bytes]:
    """Return the members of a backup."""
    with zipfile.ZipFile(file) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def served() -> bytes:
    return Client().get("/api/v1/contents").content


def test_a_restore_recovers_a_damaged_database(full: Hub, tmp_path: Path) -> None:
    open_run = RefreshRun.objects.create(
        source=configured_source().key,
        trigger=RunTrigger.SCHEDULE,
        status=RunStatus.LISTING,
        deadline=timezone.now() - timedelta(seconds=1),
    )
    before, body = everything(), served()
    said = StringIO()
    file = tmp_path / "hub.zip"
    call_command("backup", str(file), stdout=said)
    assert "SECRET_KEY and FIELD_ENCRYPTION_KEY" in said.getvalue()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    assert TOKEN.encode() not in b"".join(contents(file).values())

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE hub_servedcontents, hub_exportercontents, django_migrations")
        cursor.execute("ALTER TABLE hub_exporter DROP COLUMN description")
        cursor.execute("TRUNCATE auth_user, hub_contenttree CASCADE")
        cursor.execute("CREATE TABLE hub_of_a_newer_version (id int)")
    databases.restore(file, "--force")

    assert everything() == before
    assert served() == body
    # No worker has the open run any more. Housekeeping closes it, and readers see no change.
    assert RefreshRun.objects.open().get() == open_run
    refresh_runs.housekeeping()
    assert not RefreshRun.objects.open().exists()
    assert json.loads(served())["contents"] == json.loads(body)["contents"]
    # The cached responses from GitHub are restored, too.
    run, asked = full.count()
    assert (run.status, run.requests, len(asked)) == (RunStatus.UNCHANGED, 1, 1)
    assert full.github.requests[0].status == 304


def test_a_backup_can_be_piped_into_a_new_database(full: Hub, tmp_path: Path) -> None:
    """The commands run as in Compose; the new database is not migrated before."""
    before = everything()
    taken = manage("backup", "-", stdout=subprocess.PIPE)
    assert taken.returncode == 0, taken.stderr
    with empty_database() as url:
        restored = manage("restore", "-", url=url, input=taken.stdout, stdout=subprocess.PIPE)
        assert restored.returncode == 0, restored.stderr
        assert everything(url) == before


def test_a_backup_is_consistent_while_a_run_publishes(full: Hub, tmp_path: Path) -> None:
    before, body = everything(), served()
    full.write("Redis/dashboard.json", b'{"panels": []}')
    publishing: list[RefreshRun] = []

    def publish(size: int) -> None:
        """After the first rows, publish a run with the workers, over another connection."""
        if not publishing:
            with ThreadPoolExecutor(1) as elsewhere:
                publishing.append(elsewhere.submit(_refresh_and_hang_up, full).result())

    file = BytesIO()
    create_backup(file, progress=publish)
    assert publishing[0].status == RunStatus.PUBLISHED
    assert served() != body
    numbers = RefreshRun.objects.latest("pk").pk

    (tmp_path / "hub.zip").write_bytes(file.getvalue())
    databases.restore(tmp_path / "hub.zip", "--force")
    assert everything() == before
    assert served() == body
    # Its id is not reused: messages for the newer run may still be in the queue.
    assert full.refresh().pk == numbers + 1


def _refresh_and_hang_up(hub: Hub) -> RefreshRun:
    try:
        return hub.refresh()
    finally:
        connection.close()


def test_existing_data_is_replaced_only_with_force(full: Hub, tmp_path: Path) -> None:
    file = backup(tmp_path / "hub.zip")
    Exporter.objects.update(title="Changed since")
    before = everything()
    with pytest.raises(CommandError, match=r"not empty .*--force"):
        databases.restore(file)
    assert everything() == before


def test_a_database_with_an_idle_connection_of_a_hub_is_not_changed(
    full: Hub, tmp_path: Path
) -> None:
    file = backup(tmp_path / "hub.zip")
    before = everything()
    with pytest.raises(CommandError, match=r"in use .*Stop the hub"):  # by the workers
        call_command("restore", str(file), "--force")
    assert everything() == before


def test_a_database_whose_tables_are_locked_is_not_changed(
    full: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "_LOCK_TIMEOUT", 0.1)
    file = backup(tmp_path / "hub.zip")
    before = everything()
    with psycopg2.connect(database_url()) as other, other.cursor() as cursor:
        cursor.execute("SELECT * FROM hub_servedcontents")
        with pytest.raises(CommandError, match=r"in use .*locked"):
            databases.restore(file, "--force")
    other.close()
    assert everything() == before


def test_other_keys_require_skipping_the_tokens(full: Hub, tmp_path: Path, settings: Any) -> None:
    file = backup(tmp_path / "hub.zip")
    before = everything()
    secret: Any = GitHubToken._meta.get_field("secret")
    settings.SALT_KEY = ["another"]
    settings.GITHUB_REPO = "tests/another"
    with keys_read_anew(secret):
        with pytest.raises(CommandError, match="cannot decrypt 1 of the GitHub tokens"):
            databases.restore(file, "--force")
        assert everything() == before
        said = databases.restore(file, "--force", "--without-tokens")
    assert "Skipped 1 GitHub tokens" in said
    assert "To show them, set GITHUB_REPO" in said
    assert "/tests/exporters@main:contents" in said
    after = everything()
    assert {name for name, rows in before.items() if rows != after[name]} == {
        "hub_githubtoken",
        "hub_listingetag",
    }
    assert not GitHubToken.objects.exists()


@contextmanager
def keys_read_anew(field: Any) -> Iterator[None]:
    """Clear the field's cached keys, so that it reads the settings again."""
    cached = {name: field.__dict__.pop(name, None) for name in ("f", "keys")}
    try:
        yield
    finally:
        field.__dict__.update({name: value for name, value in cached.items() if value})


def test_an_existing_file_is_overwritten_only_with_force(full: Hub, tmp_path: Path) -> None:
    file = tmp_path / "hub.zip"
    file.write_text("mine")
    with pytest.raises(CommandError, match=r"already exists.*--force"):
        backup(file)
    assert file.read_text() == "mine"
    call_command("backup", str(file), "--force", stdout=StringIO())
    assert zipfile.is_zipfile(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
