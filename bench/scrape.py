"""Measure a scrape of the hub's own metrics."""

from collections.abc import Callable

from bench.figures import Part, size
from bench.read import web
from bench.stage import Stage
from bench.wrk import Load, load
from tests.common.metrics import MetricsAddress

_DIRECTORIES = 10_000
_MOST_MS = 50


def measure(quick: bool, say: Callable[[str], None]) -> list[Part]:
    """Return the table of the latency."""
    rounds = 2 if quick else 5
    address = MetricsAddress("web")
    with Stage() as stage:
        say(f"scrapes with {_DIRECTORIES:,} directories")
        stage.run("bench.fill", str(_DIRECTORIES))
        with web(stage, env=address.env) as (_, server):
            series = len(address.scrape())
            loads: list[Load] = []
            for _ in range(rounds):
                server.wait_until_idle()
                url = f"http://127.0.0.1:{address.port}/metrics"
                loads.append(load(url, {}, seconds=2, connections=1))
    medians = [each.median * 1000 for each in loads]
    what = f"scrape of a web server: median latency in ms, {_DIRECTORIES:,} directories"
    figure = size("scrape_ms", what, medians, at_most=_MOST_MS)
    return [
        Part(
            title="Metrics of the hub",
            words=f"The latency of a scrape of a web server with {_DIRECTORIES:,} directories. It "
            "reads the hub's state from Postgres and the broker.",
            columns=("Series", "Median"),
            rows=((f"{series}", f"{min(medians):.1f}–{max(medians):.1f} ms"),),
            figures=(figure,),
            raw={"scrape": [vars(each) for each in loads]},
        )
    ]
