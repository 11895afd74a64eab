"""Measure a first refresh that needs more requests than GitHub allows per hour.

The fake GitHub has GitHub's rate limits, but its hour is only a few minutes long. The hub's request
budget and the refresh interval are scaled accordingly; the hub itself is not faster.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from bench.budget import POINTS
from bench.figures import Part, size
from bench.hub import Hub
from bench.repository import REQUESTS_TO_LIST, GitHub, fill_small
from bench.stage import Stage, token
from hub.demo.fake_github import Fault

DIRECTORIES, _FILES = 10_000, 10
_HOUR = 300  # seconds; the machine must process an hour's requests in less
_SPEED = 3600 / _HOUR
_REQUESTS_AN_HOUR = 5_000  # over REST, and as many over GraphQL
_TICK = 300 / _SPEED  # seconds between refreshes
_MINIMUM = 2 * DIRECTORIES + REQUESTS_TO_LIST  # a tree and a query for each directory


def measure(quick: bool, say: Callable[[str], None]) -> list[Part]:
    """Return the table of hours. `quick`: return nothing, because this takes eleven minutes."""
    if quick:
        return []
    say(f"a first refresh of {DIRECTORIES:,} directories with one token")
    with Stage() as stage:
        stage.env["GITHUB_POINTS_PER_MINUTE"] = f"{POINTS * _SPEED:.0f}"
        stage.env["GITHUB_GRAPHQL_POINTS_PER_MINUTE"] = f"{1_800 * _SPEED:.0f}"
        folder = fill_small(stage.folder / "repository", DIRECTORIES, _FILES)
        github = GitHub(
            stage,
            folder,
            rate_limit=_REQUESTS_AN_HOUR,
            graphql_rate_limit=_REQUESTS_AN_HOUR,
            points_per_minute=900,
            graphql_points_per_minute=2_000,
            hour=_HOUR,
        )
        with github, Hub(stage) as hub:
            fetched: Counter[str] = Counter()
            github.fake.faults.append(Fault(_counted_in(fetched)))
            for limits in (github.fake.limits, github.fake.graphql_limits):
                limits[token(0)].reset = 0  # the hour starts with the first request
            moments = _refresh_until_complete(hub, say)
            requests = sum(not request.path.startswith("/rate") for request in github.fake.requests)
    return [_part(moments, requests, fetched)]


def _counted_in(fetched: Counter[str]) -> Callable[[BaseHTTPRequestHandler], bool]:
    """Return a fault that serves a request and, if it succeeds, counts the requested objects."""

    def serve_and_count(handler: BaseHTTPRequestHandler) -> bool:
        handler.serve()  # type: ignore[attr-defined]
        if handler.status == 200:  # type: ignore[attr-defined]
            fetched.update(objects_of(handler.path, handler.body))  # type: ignore[attr-defined]
        return True

    return serve_and_count


def objects_of(path: str, body: bytes) -> Iterator[str]:
    """Yield the SHAs of the trees and files that a request names."""
    place = urlsplit(path).path
    names = json.loads(body)["variables"].values() if place == "/graphql" else [place]
    for name in names:
        found = re.search(r"(?:^|/git/(?:trees|blobs)/)([0-9a-f]{40})$", name)
        if found:
            yield found[1]


@dataclass(frozen=True)
class _Moment:
    """The state after a run. `hours`: shortened hours since the start of the first run."""

    hours: float
    status: str
    reason: str
    requests: int  # of all runs so far
    learned: int  # directories whose contents are checked
    served: int  # directories whose contents are published


def _refresh_until_complete(hub: Hub, say: Callable[[str], None]) -> list[_Moment]:
    """Run refreshes until all directories are published; return the runs with progress."""
    moments: list[_Moment] = []
    started = time.monotonic()
    while not moments or moments[-1].served < DIRECTORIES:
        tick = time.monotonic()
        assert tick - started < 4 * _HOUR, "the first refresh does not finish"
        run = hub.run_once()
        moment = _state(hub, (time.monotonic() - started) / _HOUR, run.status, run.reason)
        if moments:
            assert moment.served >= moments[-1].served, "published contents were lost"
        if not moments or moment.learned > moments[-1].learned:
            say(f"  hour {moment.hours:.2f}: {moment.learned:,} directories, {run}")
            moments.append(moment)
        time.sleep(max(0.0, _TICK - (time.monotonic() - tick)))  # until the next scheduled refresh
    return moments


def _state(hub: Hub, hours: float, status: str, reason: str) -> _Moment:
    requests, learned, served = hub.query(
        "SELECT (SELECT coalesce(sum(requests), 0) FROM hub_refreshrun)"
        " + (SELECT coalesce(sum(requests), 0) FROM hub_lookup),"
        " (SELECT count(*) FROM hub_contenttree WHERE kinds IS NOT NULL),"
        " (SELECT count(*) FROM hub_exportercontents WHERE tree_sha <> '')"
    )[0]
    return _Moment(hours, status, reason, int(requests), learned, served)


def _part(moments: list[_Moment], requests: int, fetched: Counter[str]) -> Part:
    last = moments[-1]
    twice = sum(times > 1 for times in fetched.values())
    return Part(
        title=f"First refresh of {DIRECTORIES:,} directories over several hours",
        words=(
            f"One token allows {_REQUESTS_AN_HOUR:,} requests per hour over REST and as many over "
            f"GraphQL. The request budget is the default. An hour is shortened to {_HOUR} s; a "
            "refresh starts every five minutes of it. Each directory has "
            f"{_FILES} files to fetch. At least {_MINIMUM:,} requests are needed. Each line is a "
            "run that made progress. It publishes what it has fetched; the rest is fetched in the "
            "next hour."
        ),
        columns=("Hour", "Result", "Reason", "Requests", "Checked", "Published"),
        rows=tuple(
            (
                f"{moment.hours:.2f}",
                moment.status,
                moment.reason,
                f"{moment.requests:,}",
                f"{moment.learned:,}",
                f"{moment.served:,}",
            )
            for moment in moments
        ),
        figures=(
            size(
                f"windows_hours_{DIRECTORIES}_files",
                f"hours until all directories are published, {_FILES} files each, with one token",
                [last.hours],
                at_most=2.2,
            ),
            size(
                f"windows_requests_vs_needed_{DIRECTORIES}",
                f"requests in total ({requests:,}), vs. the minimum",
                [requests / _MINIMUM],
                at_most=1.05,
            ),
            size(
                f"windows_fetched_twice_{DIRECTORIES}",
                f"trees and files fetched more than once, out of {len(fetched):,}",
                [twice],
                at_most=0,
            ),
        ),
        raw={"moments": [vars(moment) for moment in moments], "requests": requests},
    )
