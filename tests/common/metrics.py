"""Scrape the hub's own metrics in tests."""

from collections.abc import Iterable
from typing import NamedTuple, Self
from urllib.request import ProxyHandler, build_opener

from prometheus_client.parser import text_string_to_metric_families

from hub.monitoring import PORT_OFFSETS
from hub.ops.local.ports import free_port
from tests.common.processes import Process


class Series(NamedTuple):
    """A series of a scrape."""

    name: str
    labels: dict[str, str]
    value: float


class MetricsAddress:
    """A free address for the metrics of a web server, a worker or beat."""

    def __init__(self, role: str) -> None:
        self.port = free_port()
        self.env = {"HUB_METRICS_ADDR": f"127.0.0.1:{self.port - PORT_OFFSETS[role]}"}

    @classmethod
    def of_worker(cls, worker: Process) -> Self:
        """Return the address of a worker that was started with one."""
        address = cls("worker")
        address.env = {"HUB_METRICS_ADDR": worker.env["HUB_METRICS_ADDR"]}
        address.port = (
            int(address.env["HUB_METRICS_ADDR"].rpartition(":")[2]) + PORT_OFFSETS["worker"]
        )
        return address

    def text(self) -> str:
        """Return what the process answers to a scrape."""
        opener = build_opener(ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}/metrics", timeout=20) as response:
            return str(response.read().decode())

    def scrape(self) -> list[Series]:
        """Return all series."""
        return series_of(self.text())


def series_of(text: str) -> list[Series]:
    """Return the series of a scrape; fail if one occurs twice."""
    samples = [
        sample for family in text_string_to_metric_families(text) for sample in family.samples
    ]
    names = {(sample.name, *sorted(sample.labels.items())) for sample in samples}
    assert len(names) == len(samples), "a series occurs twice"
    return [Series(sample.name, sample.labels, sample.value) for sample in samples]


def total(series: Iterable[Series], name: str, **labels: str) -> float:
    """Return the sum of the series with this name and these labels."""
    return sum(
        each.value
        for each in series
        if each.name == f"exporterhub_{name}" and labels.items() <= each.labels.items()
    )
