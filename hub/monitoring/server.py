"""Serve metrics on an address of their own."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from threading import Lock

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, close_old_connections, connections
from prometheus_client import REGISTRY, CollectorRegistry, Metric, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from hub import VERSION
from hub.monitoring import PORT_OFFSETS
from hub.monitoring.state import StateCollector

logger = logging.getLogger(__name__)


class BuildInfo(Collector):
    """Exports the version of the hub, for each process."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metric."""
        info = GaugeMetricFamily("exporterhub_build_info", "Version.", labels=["version"])
        info.add_metric([VERSION], 1)
        yield info


class ScrapedState(StateCollector):
    """Collects the state over one connection to Postgres, although each scrape has a new thread.

    A new connection, whose first queries are slow, takes a third of the time of a scrape or more.
    """

    def __init__(self) -> None:
        """Prepare the connection, which the first scrape opens."""
        self.connection = connections.create_connection(DEFAULT_DB_ALIAS)
        self.connection.inc_thread_sharing()
        self._lock = Lock()  # one thread at a time

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        with self._lock:
            connections[DEFAULT_DB_ALIAS] = self.connection  # of this thread
            close_old_connections()  # if it is broken or older than `CONN_MAX_AGE`
            metrics = list(super().collect())
        yield from metrics


def serve_metrics(role: str, registry: CollectorRegistry = REGISTRY) -> None:
    """Serve the metrics of a registry in a thread, if the settings name an address."""
    if settings.METRICS_ADDR is None:
        return
    registry.register(BuildInfo())
    host, port = settings.METRICS_ADDR
    port += PORT_OFFSETS[role]
    try:
        start_http_server(port, host, registry)
    except OSError as error:  # the hub itself can work
        logger.error(
            "cannot serve metrics on %s, port %s: %s. Set HUB_METRICS_ADDR to a free address, or "
            "to nothing to serve no metrics.",
            *(host, port, error.strerror),
        )
    else:
        logger.info("metrics of %s: port %s on %s", role, port, host)


@contextmanager
def serve_web_metrics(processes: int) -> Iterator[None]:
    """Serve the metrics of the web server inside the block, in this process.

    If it has several processes, they are children of this one, which adds up their metrics.
    """
    if processes == 1:
        REGISTRY.register(ScrapedState())
        serve_metrics("web")
        yield
        return
    with TemporaryDirectory(prefix="hub-metrics-") as folder:
        # The children inherit it, and write their metrics to files in the folder.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
        registry.register(ScrapedState())
        serve_metrics("web", registry)
        yield
