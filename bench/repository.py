"""Repositories for the benchmark, and the fake GitHub that serves them from this process."""

import gc
import json
from pathlib import Path
from typing import Any, NamedTuple

from dulwich.objects import Blob, ObjectID, Tree

from bench.stage import REPOSITORY, Stage, token
from hub.demo.fake_github import FakeGitHub, Repository, of_folder
from tests.common.processes import ROOT

LATENCY = 0.12  # response time of REST in seconds
GRAPHQL_LATENCY = 0.35  # response time of a query for up to 50 files
REQUESTS_TO_LIST = 2  # the root tree and the tree of the contents folder
PICTURE = "picture.svg"
_FILE, _FOLDER = 0o100644, 0o040000  # modes in git
_SAMPLE = ROOT / "hub" / "demo" / "sample" / "contents"
_FILES = {
    "alerts.yaml": _SAMPLE / "Celery" / "Celery_alerts.yaml",
    "dashboard.json": _SAMPLE / "Celery" / "Celery_dashboard.json",
    "helm/Chart.yaml": _SAMPLE / "PostgreSQL_Exporter" / "helm" / "Chart.yaml",
}


def directory(number: int) -> str:
    """Return the name of a directory; the first is number 0. `bench.fill` has its exporter."""
    return f"Number_{number:04}"


def fill(folder: Path, directories: int) -> Path:
    """Write `directories` directories and return the repository's root.

    Each has the files of an exporter of the demo: alerts, a dashboard of 15 KB and a chart, which
    the hub fetches, and an image, which it does not. All files are different.
    """
    texts = {name: path.read_text() for name, path in _FILES.items()}
    for number in range(directories):
        home = folder / "contents" / directory(number)
        (home / "helm").mkdir(parents=True)
        for name, text in texts.items():
            (home / name).write_bytes(_marked(name, text, number))
        (home / PICTURE).write_bytes(_picture(number))
    return folder


def fill_small(folder: Path, directories: int, files: int) -> Path:
    """Write directories with small files, all of which the hub fetches."""
    for number in range(directories):
        home = folder / "contents" / directory(number)
        home.mkdir(parents=True)
        for file in range(files):
            alert = f"alert: Down{number}_{file}\n    expr: up == 0"
            text = f"groups:\n- name: g\n  rules:\n  - {alert}\n"
            (home / f"alerts_{file}.yaml").write_text(text)
    return folder


class Copy(NamedTuple):
    """The SHAs of the tree of a directory and of its picture."""

    tree: str
    picture: str


def add_copies(repository: Repository, first: int, directories: int) -> tuple[Copy, list[Copy]]:
    """Add directories from number `first` on: copies of directory 0, each with its own picture.

    Return directory 0 and the copies.
    """
    contents = _tree(repository, "contents")
    tree = _tree(repository, f"contents/{directory(0)}")
    original = Copy(tree.id.decode(), tree[PICTURE.encode()][1].decode())
    copies = []
    for number in range(first, directories):
        picture = repository.add(Blob.from_string(_picture(number)))
        tree = tree.copy()
        tree[PICTURE.encode()] = (_FILE, ObjectID(picture.encode()))
        copies.append(Copy(repository.add(tree), picture))
        contents[directory(number).encode()] = (_FOLDER, tree.id)
    repository.write_tree("contents", contents)
    return original, copies


def _tree(repository: Repository, path: str) -> Tree:
    tree = repository.objects[str(repository.resolve(f"main:{path}"))].copy()
    assert isinstance(tree, Tree), path
    return tree


def _picture(number: int) -> bytes:
    return f"of {number}".encode()


def _marked(name: str, text: str, mark: int) -> bytes:
    """Return the file with a mark that makes it unique."""
    if name.endswith(".json"):
        return json.dumps(json.loads(text) | {"description": f"of {mark}"}).encode()
    return f"{text}\n# {mark}\n".encode()


class GitHub:
    """Context manager for a fake GitHub; without rate limits except for the given `limits`."""

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
        gc.freeze()  # garbage collection of a large repository would delay responses

    def __enter__(self) -> "GitHub":
        self.fake.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.fake.stop()

    def requests(self) -> tuple[int, int]:
        """Return the numbers of REST and GraphQL requests since the last call."""
        requests, self.fake.requests = self.fake.requests, []
        failed = [request for request in requests if request.status not in (200, 304)]
        assert not failed, failed[:3]
        queries = sum(request.path == "/graphql" for request in requests)
        return len(requests) - queries, queries

    def change_picture(self) -> None:
        """Commit a change that needs one tree: the hub does not fetch SVG."""
        self._changes += 1
        self._write(PICTURE, f"changed {self._changes}".encode())

    def change_alerts(self) -> None:
        """Commit a change that needs one tree and one file."""
        self._changes += 1
        text = _FILES["alerts.yaml"].read_text()
        self._write("alerts.yaml", _marked("alerts.yaml", text, -self._changes))

    def _write(self, name: str, content: bytes) -> None:
        path = f"contents/{directory(0)}/{name}"
        self.fake.repository.write(path, content, "change", "main")
