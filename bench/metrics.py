"""Measure the tab *Metrics* and the search with many metrics."""

from collections.abc import Callable

from bench.figures import Part, interleaved, size
from bench.read import web
from bench.stage import Stage
from bench.wrk import Load, load

_EXPORTERS, _NAMES = 1_000, 200
_MOST_MS = 200
# For htmx, the list is rendered for each request instead of being cached.
_REQUESTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "tab": ("metrics_tab_ms", "/exporters/exporter-500/metrics", {}),
    "search for a name": ("metrics_search_ms", "/?q=number_0500_metric_7", {"HX-Request": "true"}),
    "search for a common word": ("metrics_search_common_ms", "/?q=total", {"HX-Request": "true"}),
    "API, a name": ("metrics_api_ms", "/api/v1/metrics?name=number_0500_metric_7_total", {}),
}


def measure(quick: bool, say: Callable[[str], None]) -> list[Part]:
    """Return the table of the latencies."""
    rounds = 2 if quick else 5
    loads: dict[str, list[Load]] = {name: [] for name in _REQUESTS}
    with Stage() as stage:
        say(f"metrics of {_EXPORTERS:,} exporters with {_NAMES} names each")
        stage.run("bench.fill", str(_EXPORTERS), f"--names={_NAMES}")
        with web(stage) as (url, server):

            def contender(name: str) -> Callable[[], float]:
                _, path, headers = _REQUESTS[name]

                def measured() -> float:
                    server.wait_until_idle()
                    loads[name].append(load(url + path, headers, seconds=2, connections=1))
                    return loads[name][-1].median

                return measured

            interleaved({name: contender(name) for name in _REQUESTS}, rounds)
    return [_part(loads)]


def _part(loads: dict[str, list[Load]]) -> Part:
    def ms(values: list[float]) -> str:
        ordered = sorted(value * 1000 for value in values)
        return f"{ordered[len(ordered) // 2]:.1f} ms ({ordered[0]:.1f}–{ordered[-1]:.1f})"

    return Part(
        title="Metrics",
        words=f"The latency over one connection with {_EXPORTERS:,} exporters, each with {_NAMES} "
        "names of metrics. No response is cached.",
        columns=("Request", "Median", "p99"),
        rows=tuple(
            (name, ms([each.median for each in those]), ms([each.p99 for each in those]))
            for name, those in loads.items()
        ),
        figures=tuple(
            size(
                _REQUESTS[name][0],
                f"{name}: median latency in ms, {_EXPORTERS:,} exporters with {_NAMES} names each",
                [each.median * 1000 for each in those],
                at_most=_MOST_MS,
            )
            for name, those in loads.items()
        ),
        raw={name: [vars(each) for each in those] for name, those in loads.items()},
    )
