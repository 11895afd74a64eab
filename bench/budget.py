"""How many requests a refresh takes, and how well it uses the budget that it has."""

import time
from collections.abc import Callable

from bench.figures import Figure, Part, size
from bench.hub import Hub
from bench.repository import REQUESTS_TO_LIST, GitHub, fill_small
from bench.stage import Stage
from tests.common.processes import ROOT
from tests.common.waiting import wait_until

REAL = ROOT / "tests" / "data" / "real-contents"
POINTS = 810  # REST requests a minute of a token, as the hub's settings have it
_MORE = 1_200  # directories, more than a minute's budget allows


def measure(quick: bool, say: Callable[[str], None]) -> list[Part]:
    """The table of requests; the quick form leaves out the minute of the budget."""
    with Stage() as stage:
        figures = [_per_directory(stage, say)]
        if not quick:
            figures.append(_reached(stage, say))
    return [
        Part(
            title="Requests",
            words=(
                "One token and the default budget. A new directory takes a recursive tree over "
                "REST and its files over GraphQL; the directories are the real ones of the tests."
            ),
            columns=("what", "is"),
            rows=tuple((figure.what, f"{figure.value:.3g}") for figure in figures),
            figures=tuple(figures),
            raw={},
        )
    ]


def _per_directory(stage: Stage, say: Callable[[str], None]) -> Figure:
    say("requests of the real contents")
    with GitHub(stage, REAL) as github, Hub(stage) as hub:
        hub.refresh(wanted="published")
        requests = sum(github.requests()) - REQUESTS_TO_LIST
        directories = hub.query("SELECT count(*) FROM hub_lookup")[0][0]
    return size(
        "requests_per_new_directory",
        f"requests of the lookups by directories ({requests} by {directories})",
        [requests / directories],
        at_most=2.1,
    )


def _reached(stage: Stage, say: Callable[[str], None]) -> Figure:
    say("a minute of the budget")
    folder = fill_small(stage.folder / "more", _MORE, files=1)
    with GitHub(stage, folder) as github, Hub(stage) as hub:
        hub.start_run()
        wait_until(lambda: github.fake.requests, "the first request")
        time.sleep(60)
        rest, _ = github.requests()
    return size(
        "budget_reached",
        f"share of the {POINTS} REST points that the first minute uses",
        [rest / POINTS],
        at_least=0.95,
    )
