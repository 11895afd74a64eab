"""`python -m tests.drill`: inject the fault of each alert, and watch it with a real Prometheus."""

import json
import re
import signal
import sys
import time

from tests.common.waiting import wait_until
from tests.drill.faults import FAULTS, Fault
from tests.drill.prometheus import (
    CONTENT,
    RULES,
    Prometheus,
    check_configurations,
    check_metrics,
    check_rules,
    missing_programs,
)
from tests.drill.stage import DrillStage
from tests.drill.stopping import stop_each

_PREFIX = "ExporterHub"
_MAX_STOP = 15  # seconds
_PATIENCE = 120.0  # seconds, until an alert fires or clears


def main() -> int:
    """Run the drill. Return 1 if an alert does not fire or clear, or anything else fails."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C: stops all processes
    if missing := missing_programs():
        _print(f"{' and '.join(missing)} is missing. On Debian: sudo apt install prometheus")
        return 1
    alerts = re.findall(rf"alert: {_PREFIX}(\w+)", RULES.read_text())
    assert sorted(alerts) == sorted(name for names in FAULTS for name in names)
    check_rules()
    check_configurations()
    with DrillStage() as stage, stage.readers():
        targets = {name: address.port for name, address in stage.metrics.items()}
        with Prometheus(targets) as prometheus:
            started = time.time()
            wait_until(lambda: prometheus.scraped() == len(targets), "all scrapes", seconds=60)
            for address in stage.metrics.values():
                check_metrics(address.text())
            wait_until(lambda: not prometheus.firing(), "no alert to fire", seconds=_PATIENCE)
            fired = [
                name
                for names, fault in FAULTS.items()
                for name in _inject(stage, prometheus, names, fault)
            ]
            seconds = stop_each(stage)
            queries = _queries()
            empty = [
                query for query in queries if not prometheus.has_data(query, started, time.time())
            ]
    for query in empty:
        _print(f"no data: {query}")
    with_data = len(queries) - len(empty)
    _print(
        f"drill: {len(fired)}/{len(alerts)} alerts fired, {with_data}/{len(queries)} queries with "
        f"data, stop {seconds:.1f} s"
    )
    return int(len(fired) < len(alerts) or bool(empty) or seconds > _MAX_STOP)


def _inject(
    stage: DrillStage, prometheus: Prometheus, names: tuple[str, ...], fault: Fault
) -> list[str]:
    """Inject a fault. Return the alerts that fired because of it and cleared after the repair."""
    wanted = {f"{_PREFIX}{name}" for name in names}
    try:
        assert not prometheus.firing() & wanted, "an alert fires before its fault"
        with fault(stage):
            wait_until(lambda: prometheus.firing() >= wanted, "it to fire", seconds=_PATIENCE)
        wait_until(lambda: not prometheus.firing(), "all alerts to clear", seconds=_PATIENCE)
    except AssertionError as error:
        _print(f"✗ {', '.join(names)}: {error}; firing: {sorted(prometheus.firing())}")
        return []
    _print(f"✓ {', '.join(names)}")
    return list(names)


def _queries() -> list[str]:
    """Return the queries of the dashboard."""
    panels = json.loads((CONTENT / "exporter-hub_dashboard.json").read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    return [expression.replace("$__rate_interval", "10s") for expression in expressions]


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        _print("Interrupted. All processes were stopped.")
        sys.exit(130)
