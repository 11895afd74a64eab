"""`make run` with real processes, on free ports and in a temporary folder."""

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
from django.conf import settings
from dotenv import dotenv_values

from hub.demo.fake_github import FakeGitHub
from hub.ops.local.ports import OFFSETS, is_free
from hub.ops.local.supervisor import MARK
from tests.common.processes import ROOT
from tests.common.waiting import wait_until
from tests.conftest import TOKEN

# Variables of the test session that the hub must not inherit.
_EXCLUDED = {
    *("DATABASE_URL", "REDIS_URL", "HUB_DATA_DIR", "SECRET_KEY", "FIELD_ENCRYPTION_KEY"),
    "HUB_METRICS_ADDR",
}
RUN = [sys.executable, "-m", "hub.ops.local", "run"]


def free_row() -> int:
    """Return the first of some consecutive free ports.

    They are below the ephemeral ports (from 32,768 on Linux, from 49,152 on other systems), so that
    no other test gets one of them before the hub.
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
        "free ports in a row",
    )


def secrets_of(folder: Path) -> list[str]:
    """Return the secrets that `make run` generated, and the passwords in the servers' URLs."""
    stored = dotenv_values(folder / "hub.env", interpolate=False)
    assert {"SECRET_KEY", "FIELD_ENCRYPTION_KEY", "GITHUB_TOKEN", "DATABASE_URL"} <= stored.keys()
    secrets = [
        urlsplit(value).password or value.rpartition(":")[2]
        for name, value in stored.items()
        if value and name.endswith(("KEY", "TOKEN", "SECRET", "AUTH", "DATABASE_URL", "REDIS_URL"))
    ]
    assert min(map(len, secrets)) >= 12
    return secrets


class LocalHub:
    """A `make run` in a separate session."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.log = folder.with_suffix(".log")
        self.temporary = folder.with_suffix(".tmp")  # TMPDIR

    @property
    def env(self) -> dict[str, str]:
        given = {
            name: value
            for name, value in os.environ.items()
            if name not in _EXCLUDED and not name.startswith("GITHUB_")
        }
        return {
            **given,
            "HUB_DATA_DIR": str(self.folder),
            "HUB_PORT": str(self.port),
            "TMPDIR": str(self.temporary),
        }

    def manage(self, *words: str) -> str:
        """Run a management command like `make backup` and `make restore`; return its output."""
        command = [sys.executable, "-m", "hub.ops.local", "manage", *words]
        return subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=True, timeout=180
        ).stdout

    def start(self, **env: str) -> "LocalHub":
        self.temporary.mkdir(exist_ok=True)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                RUN,
                cwd=ROOT,
                env={**self.env, **env},
                stdout=log,
                stderr=log,
                start_new_session=True,
                # If the tests run under nohup, the hub would inherit that SIGHUP is ignored.
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
        """Return the status of a response, or 0 if nothing listens on the port."""
        try:
            return self.get(path, offset).status_code
        except requests.ConnectionError:
            return 0

    def children(self) -> list[psutil.Process]:
        """Return all processes with this folder's mark."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == str(self.folder.resolve()):
                    found.append(process)
        return found

    def listening(self) -> set[str]:
        """Return the addresses on which the hub's processes accept connections."""
        found = set()
        for child in self.children():
            # Short-lived processes, such as Postgres' workers, may end in between.
            with contextlib.suppress(psutil.NoSuchProcess):
                for connection in child.net_connections("tcp"):
                    if connection.status == psutil.CONN_LISTEN:
                        found.add(connection.laddr.ip)
        return found

    def commands(self) -> dict[psutil.Process, list[str]]:
        """Return the hub's processes, each with its command line."""
        found = {}
        for child in self.children():
            with contextlib.suppress(psutil.NoSuchProcess):
                found[child] = child.cmdline()
        return found

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(90)


@pytest.fixture
def parent() -> Iterator[Path]:
    """A folder that other users may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


# A data folder may have any printable name.
ODD_NAME = "50%h ;a #b &c 'd\" \\e $HOME `f` ?g*h[i]{j} ünïcödé 目录"
LONG_NAME = "a" * 200 + "/" + "b" * 200


def hub_in(parent: Path, name: str) -> LocalHub:
    """Return a hub whose data folder has a name that its log could not have."""
    hub = LocalHub(parent / name, free_row())
    hub.log, hub.temporary = parent / "hub.log", parent / "tmp"
    return hub


def test_run_from_start_to_end(parent: Path) -> None:
    hub = hub_in(parent, ODD_NAME).start()
    try:
        hub.wait_for("Press Ctrl-C to stop the hub")
        text = hub.output()
        for offset, path in (
            (0, "/"),
            (0, "/admin/"),
            (1, "/"),
            (0, "/api/v1/docs"),
            (5, "/metrics"),
        ):
            assert f"http://127.0.0.1:{hub.port + offset}{path}" in text

        # The page shows contents without further action, labelled as demo data.
        wait_until(lambda: hub.get("/api/v1/contents").json()["state"] == "fresh", "a filled map")
        body = hub.get("/api/v1/contents").json()
        assert body["source"]["demo"] is True
        assert sum(kinds["A"] is True for kinds in body["contents"].values()) >= 12
        assert body["usable"]["exporter-hub"]["A"] is True  # the hub's own alerts
        assert "<strong>Demo:</strong>" in hub.get("/").text
        # The style sheet is compressed, and cached for a year by its hashed name.
        style = re.search(r'<link rel="stylesheet" href="([^"]+)"', hub.get("/").text)[1]
        assert re.search(r"/hub\.[0-9a-f]{12}\.css$", style)
        headers = hub.get(style).headers
        assert headers["Content-Encoding"] == "gzip"
        assert "max-age=315360000" in headers["Cache-Control"]
        # A first visit transfers at most 60 KB: with these files, 400 bytes of headers for each,
        # and the logos near the first screen.
        for page, most_logos in (("/", 16), ("/exporters/redis", 1)):
            html = hub.get(page).text
            logos = re.findall(r'src="(/exporters/[^"]+/logo[^"]+)"', html)
            assert len(logos) >= (30 if page == "/" else 1)
            script = re.search(r'<script src="([^"]+)"', html)[1]
            files = [page, style, script, *logos[:most_logos]]
            sizes = [int(hub.get(path).headers["Content-Length"]) + 400 for path in files]
            assert sum(sizes) <= 60_000
        wait_until(lambda: "gained alerting rules" in hub.get("/changes.atom").text, "a history")
        assert "started: command" not in hub.output()  # the log of a command
        body = hub.get("/api/v1/contents").json()  # of the run that the backup contains

        # Prometheus can scrape web, both workers and beat.
        for process in ("web", "worker", "beat", "worker-2"):
            offset = OFFSETS[f"metrics of {process}"]
            wait_until(
                lambda offset=offset: hub.status("/metrics", offset) == 200, f"metrics of {process}"
            )

        # Flower requires the printed password.
        user, password = re.search(r"Flower .*/ +(\S+) / (\S+)", text).groups()
        wait_until(
            lambda: hub.status("/api/workers", OFFSETS["Flower"]) == 401, "Flower", seconds=60
        )
        for path in ("/api/workers", "/metrics"):
            assert hub.status(path, OFFSETS["Flower"]) == 401
            assert hub.get(path, OFFSETS["Flower"], auth=(user, password)).status_code == 200

        # The admin's password works and is not stored in the data folder.
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
        assert "Refresh now" in answer.text

        # All processes listen on loopback only, and only the owner can read files with secrets.
        assert hub.listening() == {"127.0.0.1"}
        secrets = [*secrets_of(hub.folder), password]
        # (Postgres' files change all the time, and only its user can read them.)
        files = [f for f in hub.folder.rglob("*") if f.is_file() and "postgres" not in f.parts]
        logs = hub.folder / "logs"
        assert stat.S_IMODE(logs.stat().st_mode) == 0o700
        assert {stat.S_IMODE(log.stat().st_mode) for log in logs.iterdir()} == {0o600}
        for name in ("web", "worker", "worker-2", "beat", "flower", "redis", "postgres"):
            assert (logs / f"{name}.log").exists()
        assert (hub.folder / "redis" / "appendonlydir").is_dir()
        for file in files:
            if any(secret.encode() in file.read_bytes() for secret in secrets):
                assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
                assert "logs" not in file.parts
        assert stat.S_IMODE((hub.folder / "hub.env").stat().st_mode) == 0o600
        commands = [" ".join(command) for command in hub.commands().values()]
        assert not [c for c in commands for secret in secrets if secret in c]

        # A second start in the same folder, or with the same ports, reports the conflict.
        second = LocalHub(hub.folder, hub.port)
        second.log = parent / "second.log"
        second.start()
        assert second.process.wait(60) == 1
        assert "is already running" in second.output()
        other = LocalHub(parent / "other", hub.port).start()
        assert other.process.wait(60) == 1
        assert f"Port {hub.port} (hub) is in use" in other.output()

        # A backup works while the hub runs.
        hub.manage("backup")
        (backup,) = (hub.folder / "backups").iterdir()

        # Ctrl-C stops all children, even if it is pressed twice.
        assert len(hub.children()) > 6
        hub.process.send_signal(signal.SIGINT)
        hub.process.send_signal(signal.SIGINT)
        assert hub.process.wait(90) == 0
        assert hub.children() == []
        assert not list(hub.temporary.iterdir())
    finally:
        hub.end()

    # The backup can be restored without a running hub, even if the data is lost.
    shutil.rmtree((hub.folder / "postgres").resolve())
    assert "Restored" in hub.manage("restore", str(backup))
    assert hub.children() == []

    # The next start uses the restored data and generates no new password. Logs of an earlier
    # version become private.
    (hub.folder / "logs" / "web.log.1").touch(0o644)
    hub.start()
    try:
        hub.wait_for("Press Ctrl-C to stop the hub")
        assert hub.get("/api/v1/contents").json()["run"] == body["run"]
        assert password not in hub.output()
        assert stat.S_IMODE((hub.folder / "logs" / "web.log.1").stat().st_mode) == 0o600
        # No process stays running even after a SIGKILL of the parent.
        hub.process.kill()
        wait_until(lambda: not hub.children(), "the end of all children", seconds=60)
        assert not list(hub.temporary.iterdir())
    finally:
        hub.end()


def test_commands_in_another_terminal_use_the_running_hub(parent: Path, github: FakeGitHub) -> None:
    github.repository.write("contents/Oddity/alert.yaml", b"groups: []\n")
    catalogue = parent / "catalogue.csv"
    line = "Oddity,Oddity,https://github.com/tests/oddity,Database"
    catalogue.write_text(f"title,project_name,repository,category\n{line}\n")
    hub = hub_in(parent, LONG_NAME)
    source = {"GITHUB_API_URL": github.url, "GITHUB_REPO": settings.GITHUB_REPO}
    hub.start(**source, GITHUB_TOKEN=TOKEN)
    try:
        hub.wait_for("Press Ctrl-C to stop the hub")
        wait_until(lambda: hub.get("/api/v1/contents").json()["state"] == "fresh", "a filled map")
        github.repository.write("contents/Kafka/alert.yaml", b"groups: []\n")

        # This shell has none of the variables that the hub was started with.
        assert hub.get("/api/v1/contents").json()["contents"]["Oddity"]["E"] is False
        assert "Oddity" in hub.manage("importcatalogue", str(catalogue))
        assert "published" in hub.manage("refresh")
        assert f"{settings.GITHUB_REPO}@main:contents" in hub.manage("status")
        contents = hub.get("/api/v1/contents").json()["contents"]
        assert contents["Oddity"]["E"] is True
        assert "Kafka" in contents

        # Here they differ.
        for command, name, value in (
            ("importcatalogue", "GITHUB_REPO", "tests/another"),
            ("refresh", "GITHUB_BRANCH", "next"),
            ("backup", "GITHUB_BRANCH", "next"),
        ):
            refused = subprocess.run(
                [sys.executable, str(ROOT / "manage.py"), command],
                env={**hub.env, name: value},
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert refused.returncode == 1
            assert refused.stderr.startswith(f"{name} is '{value}' in this environment")

        # A closed terminal stops the hub.
        hub.process.send_signal(signal.SIGHUP)
        assert hub.process.wait(90) == 0
        assert hub.children() == []
    finally:
        hub.end()


@pytest.mark.parametrize("port", ["80", "211113", "http", "-1", "८०००"])
def test_an_odd_port_is_refused(tmp_path: Path, port: str) -> None:
    hub = LocalHub(tmp_path / "data", free_row()).start(HUB_PORT=port)
    assert hub.process.wait(60) == 1
    assert "Set it to a number from 1024 to 65000." in hub.output()
    assert "Traceback" not in hub.output()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a\nb", "control character"),
        ("a\x1bb", "control character"),
        (os.fsdecode(b"\xff"), "control character"),
        ("/".join(["a" * 200] * 5), "longer than 900 bytes"),
        ("a" * 300, "File name too long"),
    ],
)
def test_a_data_folder_that_cannot_be_used_is_refused(parent: Path, name: str, reason: str) -> None:
    hub = hub_in(parent, name)
    assert hub.start().process.wait(60) == 1
    assert reason in hub.output()
    assert "Traceback" not in hub.output()


@pytest.mark.parametrize("limit", [64, 128, 256])
def test_too_few_open_files_are_refused(parent: Path, limit: int) -> None:
    hub = LocalHub(parent / "data", free_row())
    result = subprocess.run(
        ["/bin/sh", "-c", f'ulimit -n {limit} && exec "$@"', "sh", *RUN],
        cwd=ROOT,
        env=hub.env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 1
    assert f"may open only {limit} files" in result.stderr
    assert "ulimit" in result.stderr
    assert not hub.folder.exists()
