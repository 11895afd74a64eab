"""The first steps of an installation: settings, first page, first admin, first run."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
import requests
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from dotenv import dotenv_values

from hub.models import RefreshRun, RunStatus, RunTrigger
from hub.ops.local.ports import free_port
from tasks.housekeeping import housekeeping
from tests.common.processes import ROOT, Process, database_url, redis_url, web, worker
from tests.common.waiting import wait_until
from tests.conftest import Hub

EnsureAdmin = Callable[..., str]


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """The `.env` that docker/make-env writes, in a copy of its folder."""
    shutil.copytree(ROOT / "docker", tmp_path / "docker")
    make_env = [tmp_path / "docker" / "make-env"]
    subprocess.run(make_env, check=True, capture_output=True)
    written = tmp_path / ".env"
    before = written.read_text()
    again = subprocess.run(make_env, check=False, capture_output=True, text=True)
    assert (again.returncode, written.read_text()) == (1, before)
    assert "nothing was changed" in again.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "docker"]
    return written


def test_the_first_page_opens_with_the_settings_that_compose_gets(
    env_file: Path, transactional_db: None
) -> None:
    settings = {name: value or "" for name, value in dotenv_values(env_file).items()}
    assert env_file.stat().st_mode & 0o777 == 0o600
    template = dotenv_values(ROOT / "docker" / "hub.env.example")
    generated = {name for name in settings if settings[name] != template[name]}
    compose = (ROOT / "docker-compose.yml").read_text()
    assert generated == {*re.findall(r"[^$]\$\{([A-Z_]+):[?-]", compose), "GITHUB_WEBHOOK_SECRET"}
    assert len({settings[name] for name in generated}) == len(generated)
    for name in generated - {"FLOWER_BASIC_AUTH"}:
        assert re.fullmatch(r"[\w-]{64}", settings[name])
    port = free_port()
    process = web(port, env={**settings, "DATABASE_URL": database_url(), "REDIS_URL": redis_url()})
    process.start()
    try:
        process.wait_for_output("Uvicorn running")
        for path in ("/", "/admin/login/"):
            page = requests.get(f"http://127.0.0.1:{port}{path}", timeout=30, allow_redirects=False)
            assert page.status_code == 200
    finally:
        process.stop()


@pytest.fixture
def ensure_admin(db: None, monkeypatch: pytest.MonkeyPatch) -> EnsureAdmin:
    def call(*options: str, password: str = "") -> str:
        monkeypatch.setitem(os.environ, "HUB_ADMIN_PASSWORD", password)
        out = StringIO()
        call_command("ensureadmin", *options, stdout=out)
        return out.getvalue()

    return call


def test_a_generated_password_is_shown_once(ensure_admin: EnsureAdmin) -> None:
    said = re.fullmatch(
        r"Created .* admin\. Its password, shown only once: (\S+)\n", ensure_admin()
    )
    assert said
    admin = User.objects.get()
    assert (admin.username, admin.is_superuser, admin.is_staff) == ("admin", True, True)
    assert admin.check_password(said[1])
    again = ensure_admin()
    assert "The superuser admin exists, so nothing was changed" in again
    assert said[1] not in again
    assert json.loads(ensure_admin("--json")) == {"username": "admin", "password": None}
    admin.refresh_from_db()
    assert admin.check_password(said[1])


def test_a_password_from_the_environment_is_not_shown(ensure_admin: EnsureAdmin) -> None:
    with pytest.raises(CommandError, match="HUB_ADMIN_PASSWORD: This password is too short"):
        ensure_admin(password="1234")
    assert not User.objects.exists()
    assert "9 horses" not in ensure_admin(password="9 horses and a cart")
    assert User.objects.get().check_password("9 horses and a cart")


def test_another_user_named_admin_gets_no_rights(ensure_admin: EnsureAdmin) -> None:
    User.objects.create_user("admin")
    with pytest.raises(CommandError, match="createsuperuser"):
        ensure_admin()
    assert not User.objects.get().is_superuser


def test_housekeeping_starts_the_first_run(hub: Hub) -> None:
    """No worker started one, because the tables were missing when it started."""
    hub.add_token()
    hub.fill("Redis/alert.yaml")
    housekeeping()
    wait_until(lambda: RefreshRun.objects.exclude(finished_at=None).exists(), "the first run")
    run = RefreshRun.objects.get()
    assert (run.trigger, run.status) == (RunTrigger.STARTUP, RunStatus.PUBLISHED)
    housekeeping()
    assert RefreshRun.objects.count() == 1


def test_a_worker_that_starts_without_postgres_leaves_the_first_run_to_housekeeping(
    transactional_db: None,
) -> None:
    away = f"postgres://127.0.0.1:{free_port()}/hub"
    process: Process = worker("early", env={"DATABASE_URL": away})
    process.start()
    try:
        process.wait_for_output("first run: housekeeping starts it. The database: connection to")
        assert "Traceback" not in process.output()
    finally:
        process.stop()
