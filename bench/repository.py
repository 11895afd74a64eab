"""A repository of so many directories, and the fake GitHub that serves it in a process of its own.

Each directory holds what an exporter of the demo has: alerts, a dashboard of 15 KB and a chart,
which are read, and a picture, which is not. No file is like another's.
"""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from bench.stage import REPOSITORY, TOKEN, Part, Stage
from tests.common.processes import ROOT

LATENCY = 0.12  # seconds until GitHub answers
_SAMPLE = ROOT / "hub" / "demo" / "sample" / "contents"
_FILES = {
    "alerts.yaml": _SAMPLE / "Celery" / "Celery_alerts.yaml",
    "dashboard.json": _SAMPLE / "Celery" / "Celery_dashboard.json",
    "helm/Chart.yaml": _SAMPLE / "PostgreSQL_Exporter" / "helm" / "Chart.yaml",
}
READ = len(_FILES)
REQUESTS_TO_LIST = 2  # the root tree, and the contents' below it


def directory(number: int) -> str:
    """The name of a directory; the first is number 0."""
    return f"Exporter_{number:05}"


def fill(folder: Path, directories: int) -> Path:
    """Write the files of so many directories; the repository's root."""
    texts = {name: path.read_text() for name, path in _FILES.items()}
    for number in range(directories):
        home = folder / "contents" / directory(number)
        (home / "helm").mkdir(parents=True)
        for name, text in texts.items():
            (home / name).write_bytes(marked(name, text, number))
        (home / "picture.png").write_bytes(f"of {number}".encode())
    return folder


def marked(name: str, text: str, mark: int) -> bytes:
    """The file with a mark that makes it another one."""
    if name.endswith(".json"):
        return json.dumps(json.loads(text) | {"description": f"of {mark}"}).encode()
    return f"{text}\n# {mark}\n".encode()


class GitHub:
    """The fake GitHub's process, and what is asked of it besides."""

    def __init__(self, stage: Stage, folder: Path, *options: str) -> None:
        self.url = f"http://127.0.0.1:{stage.github_port}"
        self._changes = 0
        self.part: Part = stage.start(
            "github",
            *("manage", "fakegithub", str(folder), f"--repo={REPOSITORY}"),
            *(f"--port={stage.github_port}", f"--latency={LATENCY}"),
            *(options or ("--rate-limit=1000000", "--points-per-minute=0")),
            env={"FAKEGITHUB_TOKEN": TOKEN},
        )
        self.part.wait_for_output("ready", seconds=120)

    def change_picture(self) -> None:
        """Commit a change that costs one lookup of one tree: a picture is not read."""
        self._changes += 1
        self._write(f"{directory(0)}/picture.png", f"changed {self._changes}".encode())

    def change_alerts(self) -> None:
        """Commit a change that costs one lookup of one tree and one file."""
        self._changes += 1
        text = _FILES["alerts.yaml"].read_text()
        self._write(f"{directory(0)}/alerts.yaml", marked("alerts.yaml", text, -self._changes))

    def _write(self, path: str, content: bytes) -> None:
        url = f"{self.url}/repos/{REPOSITORY}/contents/contents/{quote(path)}"
        there = self._ask("GET", url)
        body = {
            "message": "change",
            "content": base64.b64encode(content).decode(),
            "sha": there["sha"],
        }
        self._ask("PUT", url, json=body)

    @staticmethod
    def _ask(method: str, url: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {TOKEN}", "User-Agent": "bench"}
        response = requests.request(method, url, headers=headers, timeout=30, **options)
        response.raise_for_status()
        return response.json()

    def stop(self) -> None:
        """End the process."""
        self.part.stop()
