"""The stage of the fault suite, whose processes serve metrics, with readers."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.common.metrics import MetricsAddress
from tests.faults.parts import Part
from tests.faults.stage import Stage
from tests.faults.truth import EXPORTERS

_ROLES = {"web": "web", "worker one": "worker", "worker two": "worker", "beat": "beat"}
_PAGES = ("/", "/status", "/api/v1/contents", "/api/v1/status", "/static/hub/hub.css", "/none")


class DrillStage(Stage):
    """A hub whose processes serve metrics."""

    def __init__(self) -> None:
        super().__init__()
        (self.folder / "data").mkdir()  # web exports the free space of its disk
        self.metrics = {name: MetricsAddress(role) for name, role in _ROLES.items()}
        self.ports["metrics"] = self.metrics["web"].port  # of the stage's web

    def _part(self, name: str, *command: str, is_ready: Callable[[Part], bool]) -> Part:
        part = super()._part(name, *command, is_ready=is_ready)
        if name in self.metrics:
            part.env = part.env | self.metrics[name].env
        return part

    def _catalogue(self) -> Path:
        for name in EXPORTERS:  # otherwise all runs of facts would fail
            self.github.add_repository(f"faults/{name.lower()}")
        return super()._catalogue()

    @property
    def url(self) -> str:
        """The address of the pages."""
        return f"http://127.0.0.1:{self.ports['web']}"

    @contextmanager
    def readers(self) -> Iterator[None]:
        """Request pages inside the block, about five per second."""
        stop = threading.Event()

        def read() -> None:
            while not stop.is_set():
                for page in _PAGES:
                    with contextlib.suppress(requests.RequestException):
                        requests.get(f"{self.url}{page}", timeout=5)
                    stop.wait(0.2)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
