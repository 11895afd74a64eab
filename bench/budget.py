"""Measure the requests of a refresh, and how much of its request budget it uses."""

import time
from collections.abc import Callable

from bench.figures import Figure, Part, size
from bench.hub import Hub
from bench.repository import REQUESTS_TO_LIST, GitHub, fill_small
from bench.stage import Stage
from tests.common.processes import ROOT
from tests.common.waiting import wait_until

REAL = ROOT / "tests" / "data" / "real-contents"
POINTS = 810  # REST requests per minute and token, the default of the hub's settings
_MORE = 1_200  # directories; more than the budget of one minute allows


def measure(quick: bool, say: Callable[[str], None]) -> list[Part]:
    """Return the table of requests. `quick`: skip the measurement that takes a minute."""
    with Stage() as stage:
        figures = [_per_directory(stage, say)]
        if not quick:
            figures.append(_reached(stage, say))
    return [
        Part(
            title="Requests",
            words=(
                "With one token and the default budget. A new directory needs one recursive tree "
                "over REST, and its files over GraphQL. The directories are the real contents of "
                "the tests."
            ),
            columns=("Measure", "Value"),
            rows=tuple((figure.what, f"{figure.value:.3g}") for figure in figures),
            figures=tuple(figures),
            raw={},
        )
    ]


def _per_directory(stage: Stage, say: Callable[[str], None]) -> Figure:
    say("requests for the real contents")
    with GitHub(stage, REAL) as github, Hub(stage) as hub:
        hub.refresh(expected="published")
        requests = sum(github.requests()) - REQUESTS_TO_LIST
        directories = hub.query("SELECT count(*) FROM hub_lookup")[0][0]
    return size(
        "requests_per_new_directory",
        f"requests per directory ({requests} requests for {directories} directories)",
        [requests / directories],
        at_most=2.1,
    )


def _reached(stage: Stage, say: Callable[[str], None]) -> Figure:
    say("one minute of the request budget")
    folder = fill_small(stage.folder / "more", _MORE, files=1)
    with GitHub(stage, folder) as github, Hub(stage) as hub:
        hub.start_run()
        wait_until(lambda: github.fake.requests, "the first request")
        time.sleep(60)
        rest, _ = github.requests()
    return size(
        "budget_reached",
        f"share of the {POINTS} REST points used in the first minute",
        [rest / POINTS],
        at_least=0.95,
    )
