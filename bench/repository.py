"""Repositories to refresh from, and the fake GitHub that serves them from this process."""

import gc
import json
from pathlib import Path
from typing import Any

from bench.stage import REPOSITORY, Stage, token
from hub.demo.fake_github import FakeGitHub, of_folder
from tests.common.processes import ROOT

LATENCY = 0.12  # seconds until GitHub answers over REST
GRAPHQL_LATENCY = 0.35  # a query for up to 50 files
REQUESTS_TO_LIST = 2  # the root tree, and that of the contents below it
_SAMPLE = ROOT / "hub" / "demo" / "sample" / "contents"
_FILES = {
    "alerts.yaml": _SAMPLE / "Celery" / "Celery_alerts.yaml",
    "dashboard.json": _SAMPLE / "Celery" / "Celery_dashboard.json",
    "helm/Chart.yaml": _SAMPLE / "PostgreSQL_Exporter" / "helm" / "Chart.yaml",
}


def directory(number: int) -> str:
    """The name of a directory; the first is number 0."""
    return f"Exporter_{number:05}"


def fill(folder: Path, directories: int) -> Path:
    """Write so many directories, and return the repository's root.

    Each holds what an exporter of the demo has: alerts, a dashboard of 15 KB and a chart, which are
    read, and a picture, which is not. No two files are alike.
    """
    texts = {name: path.read_text() for name, path in _FILES.items()}
    for number in range(directories):
        home = folder / "contents" / directory(number)
        (home / "helm").mkdir(parents=True)
        for name, text in texts.items():
            (home / name).write_bytes(_marked(name, text, number))
        (home / "picture.png").write_bytes(f"of {number}".encode())
    return folder


def fill_small(folder: Path, directories: int, files: int) -> Path:
    """Write so many directories of so many small files, all of which are read."""
    for number in range(directories):
        home = folder / "contents" / directory(number)
        home.mkdir(parents=True)
        for file in range(files):
            alert = f"alert: Down{number}_{file}\n    expr: up == 0"
            text = f"groups:\n- name: g\n  rules:\n  - {alert}\n"
            (home / f"alerts_{file}.yaml").write_text(text)
    return folder


def _marked(name: str, text: str, mark: int) -> bytes:
    """The file with a mark that makes it another one."""
    if name.endswith(".json"):
        return json.dumps(json.loads(text) | {"description": f"of {mark}"}).encode()
    return f"{text}\n# {mark}\n".encode()


class GitHub:
    """The fake GitHub over a folder. A context manager; unlimited but for the given `limits`."""

    def __init__(self, stage: Stage, folder: Path, *, tokens: int = 1, **limits: Any) -> None:
        unlimited = {"rate_limit": 1_000_000, "graphql_rate_limit": 1_000_000}
        self.fake: FakeGitHub = of_folder(
            folder,
            REPOSITORY,
            tokens=[token(number) for number in range(tokens)],
            port=stage.github_port,
            latency=LATENCY,
            graphql_latency=GRAPHQL_LATENCY,
            **(unlimited | limits),
        )
        self._changes = 0
        gc.collect()
        gc.freeze()  # a large repository's objects would hold up an answer

    def __enter__(self) -> "GitHub":
        self.fake.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.fake.stop()

    def requests(self) -> tuple[int, int]:
        """Requests that were answered since the last call: over REST, over GraphQL."""
        answered, self.fake.requests = self.fake.requests, []
        refused = [request for request in answered if request.status not in (200, 304)]
        assert not refused, refused[:3]
        queries = sum(request.path == "/graphql" for request in answered)
        return len(answered) - queries, queries

    def change_picture(self) -> None:
        """Commit a change that costs one lookup of one tree: a picture is not read."""
        self._changes += 1
        self._write("picture.png", f"changed {self._changes}".encode())

    def change_alerts(self) -> None:
        """Commit a change that costs one lookup of one tree and one file."""
        self._changes += 1
        text = _FILES["alerts.yaml"].read_text()
        self._write("alerts.yaml", _marked("alerts.yaml", text, -self._changes))

    def _write(self, name: str, content: bytes) -> None:
        path = f"contents/{directory(0)}/{name}"
        self.fake.repository.write(path, content, "change", "main")
