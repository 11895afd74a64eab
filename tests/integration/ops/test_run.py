"""`make run`, as a user runs it: real processes on free ports in a folder of their own."""

import contextlib
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from dotenv import dotenv_values

from hub.ops.local.ports import OFFSETS, is_free
from hub.ops.local.supervisor import MARK
from tests.common.processes import ROOT
from tests.common.waiting import wait_until

# Not the addresses of the tests' own servers.
_LEFT_OUT = {"DATABASE_URL", "REDIS_URL", "HUB_DATA_DIR", "SECRET_KEY", "FIELD_ENCRYPTION_KEY"}


def free_row() -> int:
    """The first of five free ports in a row.

    From below those that systems hand out to whoever asks for any (Linux from 32,768 on, others
    from 49,152): another test would take one of them before the hub does.
    """
    rows = range(20_000, 32_000, len(OFFSETS))
    return wait_until(
        lambda: next(
            (
                port
                for port in [random.choice(rows)]
                if all(is_free(port + offset) for offset in OFFSETS.values())
            ),
            0,
        ),
        "five free ports in a row",
    )


def secrets_of(folder: Path) -> list[str]:
    """What `make run` made and keeps to itself, with the passwords in its servers' addresses."""
    kept = dotenv_values(folder / "hub.env", interpolate=False)
    assert {"SECRET_KEY", "FIELD_ENCRYPTION_KEY", "GITHUB_TOKEN", "DATABASE_URL"} <= kept.keys()
    secrets = [
        urlsplit(value).password or value.rpartition(":")[2]
        for name, value in kept.items()
        if value and name.endswith(("KEY", "TOKEN", "SECRET", "AUTH", "DATABASE_URL", "REDIS_URL"))
    ]
    assert min(map(len, secrets)) >= 12
    return secrets


class LocalHub:
    """A `make run` in a session of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.log = folder.with_suffix(".log")

    @property
    def env(self) -> dict[str, str]:
        given = {
            name: value
            for name, value in os.environ.items()
            if name not in _LEFT_OUT and not name.startswith("GITHUB_")
        }
        return {**given, "HUB_DATA_DIR": str(self.folder), "HUB_PORT": str(self.port)}

    def manage(self, *words: str) -> str:
        """A management command as `make backup` and `make restore` run it; its output."""
        command = [sys.executable, "-m", "hub.ops.local", "manage", *words]
        return subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    def start(self, **env: str) -> "LocalHub":
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hub.ops.local", "run"],
                cwd=ROOT,
                env={**self.env, **env},
                stdout=log,
                stderr=log,
                start_new_session=True,
                # Under nohup a hub ignores SIGHUP, as it should; the tests' own hub is not.
                preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
            )
        return self

    def output(self) -> str:
        return self.log.read_text()

    def wait_for(self, text: str) -> None:
        def said() -> bool:
            assert text in self.output() or self.process.poll() is None, self.output()
            return text in self.output()

        wait_until(said, repr(text), seconds=120)

    def get(self, path: str, offset: int = 0, **options: object) -> requests.Response:
        url = f"http://127.0.0.1:{self.port + offset}{path}"
        return requests.get(url, timeout=10, **options)  # type: ignore[arg-type]

    def status(self, path: str, offset: int = 0) -> int:
        """The status of an answer; 0 when nobody listens."""
        try:
            return self.get(path, offset).status_code
        except requests.ConnectionError:
            return 0

    def children(self) -> list[psutil.Process]:
        """Every process that bears this folder's mark."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == str(self.folder.resolve()):
                    found.append(process)
        return found

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(90)


@pytest.fixture
def parent() -> Iterator[Path]:
    """A folder that others may pass through."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def test_run_from_start_to_end(parent: Path) -> None:
    hub = LocalHub(parent / "data", free_row()).start()
    try:
        hub.wait_for("Ctrl-C ends everything")
        text = hub.output()
        for offset, path in ((0, "/"), (0, "/admin/"), (1, "/"), (0, "/api/v1/docs")):
            assert f"http://127.0.0.1:{hub.port + offset}{path}" in text

        # the page fills by itself, plainly labelled as demo data
        wait_until(lambda: hub.get("/api/v1/contents").json()["state"] == "fresh", "a filled map")
        body = hub.get("/api/v1/contents").json()
        assert body["source"]["demo"] is True
        assert sum(kinds["A"] is True for kinds in body["contents"].values()) >= 12
        assert "Demo data" in hub.get("/").text

        # Flower wants the password that was printed
        user, password = re.search(r"Flower .*/ +(\S+) / (\S+)", text).groups()
        wait_until(
            lambda: hub.status("/api/workers", OFFSETS["Flower"]) == 401, "Flower", seconds=60
        )
        assert hub.get("/api/workers", 1, auth=(user, password)).status_code == 200

        # the admin's password works, and stands nowhere in the data folder
        password = re.search(r"admin / (\S+)", text).group(1)
        session = requests.Session()
        login = f"http://127.0.0.1:{hub.port}/admin/login/"
        session.get(login, timeout=10)
        answer = session.post(
            login,
            {
                "username": "admin",
                "password": password,
                "csrfmiddlewaretoken": session.cookies["csrftoken"],
                "next": "/admin/",
            },
            timeout=10,
        )
        assert "Site administration" in answer.text

        # nothing listens but on loopback, and secrets are in files of their owner alone
        listening = {
            connection.laddr.ip
            for child in hub.children()
            for connection in child.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}
        secrets = [*secrets_of(hub.folder), password]
        # (Postgres' own files come and go, and are its user's alone)
        files = [f for f in hub.folder.rglob("*") if f.is_file() and "postgres" not in f.parts]
        assert {"web.log", "worker.log", "beat.log", "flower.log"} <= {file.name for file in files}
        for file in files:
            if any(secret.encode() in file.read_bytes() for secret in secrets):
                assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
                assert "logs" not in file.parts
        assert stat.S_IMODE((hub.folder / "hub.env").stat().st_mode) == 0o600
        commands = [" ".join(child.cmdline()) for child in hub.children()]
        assert not [c for c in commands for secret in secrets if secret in c]

        # started twice, it says so; so does a hub whose ports are taken
        second = LocalHub(hub.folder, hub.port)
        second.log = parent / "second.log"
        second.start()
        assert second.process.wait(60) == 1
        assert "runs already" in second.output()
        other = LocalHub(parent / "other", hub.port).start()
        assert other.process.wait(60) == 1
        assert f"Port {hub.port} (hub) is taken" in other.output()

        # a backup is taken while the hub runs
        hub.manage("backup")
        (backup,) = (hub.folder / "backups").iterdir()

        # Ctrl-C ends all children, pressed twice as well
        assert len(hub.children()) > 6
        hub.process.send_signal(signal.SIGINT)
        hub.process.send_signal(signal.SIGINT)
        assert hub.process.wait(90) == 0
        assert hub.children() == []
    finally:
        hub.end()

    # and restored without it, whatever became of the data
    shutil.rmtree((hub.folder / "postgres").resolve())
    assert "restored" in hub.manage("restore", str(backup))
    assert hub.children() == []

    # the data is there at the next start, and no new password is made
    hub.start()
    try:
        hub.wait_for("Ctrl-C ends everything")
        assert hub.get("/api/v1/contents").json()["run"] == body["run"]
        assert password not in hub.output()
        # not even a SIGKILL of the parent leaves anything behind
        hub.process.kill()
        wait_until(lambda: not hub.children(), "the end of all children", seconds=60)
    finally:
        hub.end()


def test_an_odd_port_is_refused(tmp_path: Path) -> None:
    hub = LocalHub(tmp_path / "data", 80).start()
    assert hub.process.wait(60) == 1
    assert "1024 to 65000" in hub.output()
