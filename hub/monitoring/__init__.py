"""The hub's own metrics, for Prometheus. docs/monitoring.md lists them."""

from prometheus_client import disable_created_metrics

# They would double the number of series, and Prometheus needs them only in OpenMetrics.
disable_created_metrics()  # type: ignore[no-untyped-call]

# Added to the port of `HUB_METRICS_ADDR`, so that all of them can run on one machine.
PORT_OFFSETS = {"web": 0, "worker": 1, "beat": 2}
