"""Measure pages, packs, the API and scrapes with many exporters, and what their refreshes need."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from bench.figures import Figure, Part, interleaved, size
from bench.large import LOOKED_UP, Published, large_hub
from bench.read import web
from bench.stage import Stage
from tests.common.metrics import MetricsAddress

SIZES = (1_000, 10_000)
LARGE, _QUICK_LARGE = 100_000, 3_000
_TIMEOUT = 60  # seconds
_MB = 1e6
_PACK = urlencode([("exporter", f"exporter-{number}") for number in range(LOOKED_UP)])


@dataclass(frozen=True)
class _Request:
    """A request to measure: the name of its figure, and its bounds in milliseconds.

    `server` is "signed in": by a user for whom no page is cached; "first": to a server without any
    cache, like the first request after a publication; or "metrics".
    """

    figure: str
    path: str
    at_most: int
    at_most_large: int  # with `LARGE` exporters
    server: str = "signed in"


_REQUESTS = {
    "list page, signed in": _Request("list", "/", 300, 3_000),
    "list page, first request": _Request("list_first", "/", 300, 3_000, "first"),
    "coverage page, signed in": _Request("coverage", "/coverage", 300, 3_000),
    "coverage page, first request": _Request("coverage_first", "/coverage", 300, 3_000, "first"),
    "search, signed in": _Request("search", "/?q=number+0500", 300, 3_000),
    "exporter page": _Request("exporter", "/exporters/exporter-7", 100, 100),
    "status page": _Request("status", "/status", 300, 3_000),
    f"pack of {LOOKED_UP} exporters, YAML": _Request(
        "pack_yaml", f"/packs.yaml?{_PACK}", 1_000, 1_000
    ),
    f"pack of {LOOKED_UP} exporters, zip": _Request(
        "pack_zip", f"/packs.zip?{_PACK}", 1_000, 1_000
    ),
    "API, all exporters": _Request("api_exporters", "/api/v1/exporters", 2_000, 20_000),
    "scrape of the metrics": _Request("scrape", "/metrics", 50, 300, "metrics"),
}


def measure_pages(quick: bool, say: Callable[[str], None]) -> list[Part]:
    """Return the tables of the latencies and of the refreshes."""
    return _measure(SIZES[:1] if quick else SIZES, 2 if quick else 5, say)


def measure_large(quick: bool, say: Callable[[str], None]) -> list[Part]:
    """Return the same tables for as many directories as GitHub lists in a folder."""
    return _measure((_QUICK_LARGE if quick else LARGE,), 1, say)


def _measure(sizes: tuple[int, ...], rounds: int, say: Callable[[str], None]) -> list[Part]:
    seconds: dict[int, dict[str, list[float]]] = {}
    refreshes: dict[int, Published] = {}
    for directories in sizes:
        with Stage() as stage, large_hub(stage, directories, say) as refreshes[directories]:
            say(f"  pages of {directories:,} exporters")
            seconds[directories] = _in_turn(stage, rounds)
    return [_part_of_pages(seconds), _part_of_refreshes(refreshes)]


def _in_turn(stage: Stage, rounds: int) -> dict[str, list[float]]:
    """Measure all requests in turn, after one of each, which fills the caches that there are."""
    address = MetricsAddress("web")
    cookie = stage.run("bench.session").strip()
    with (
        web(stage, env=address.env) as (url, _),
        web(stage, env={"HUB_PAGE_CACHE_SECONDS": "0"}) as (uncached, _),
    ):
        servers = {
            "signed in": (url, cookie),
            "first": (uncached, ""),
            "metrics": (f"http://127.0.0.1:{address.port}", ""),
        }
        requests = {
            name: partial(_seconds, *servers[each.server], each.path)
            for name, each in _REQUESTS.items()
        }
        interleaved(requests, 1)
        return interleaved(requests, rounds)


def _seconds(url: str, cookie: str, path: str) -> float:
    """Return how long a request takes, until the whole response has arrived."""
    headers = {"Accept-Encoding": "gzip"} | ({"Cookie": cookie} if cookie else {})
    request = Request(url + path, headers=headers)  # noqa: S310 — a local server
    opener = build_opener(ProxyHandler({}))
    started = perf_counter()
    with opener.open(request, timeout=_TIMEOUT) as response:
        response.read()
    return perf_counter() - started


# --- the report -----------------------------------------------------------------------------------


def _part_of_pages(seconds: dict[int, dict[str, list[float]]]) -> Part:
    return Part(
        title=f"Pages of {_numbers(seconds)} exporters",
        words="The time of one request while the server serves no other. For a user who is signed "
        "in, each page is rendered again; only the rows of the directories are cached, until the "
        "next publication. For the first request after it, nothing is cached.",
        columns=("Request", *(f"{directories:,} exporters" for directories in seconds)),
        rows=tuple((name, *(_ms(each[name]) for each in seconds.values())) for name in _REQUESTS),
        figures=tuple(_page_figures(seconds)),
        raw={str(directories): each for directories, each in seconds.items()},
    )


def _page_figures(seconds: dict[int, dict[str, list[float]]]) -> Iterator[Figure]:
    for directories, by_name in seconds.items():
        for name, values in by_name.items():
            request = _REQUESTS[name]
            yield size(
                f"{request.figure}_ms_{directories}",
                f"{name}, {directories:,} exporters: milliseconds",
                [value * 1000 for value in values],
                at_most=request.at_most_large if directories == LARGE else request.at_most,
            )


def _part_of_refreshes(refreshes: dict[int, Published]) -> Part:
    rows: dict[str, Callable[[Published], str]] = {
        "all directories published": lambda one: f"{one.all_new:.1f} s",
        "one image changed": lambda one: f"{one.one_changed:.2f} s",
        "nothing changed": lambda one: f"{one.unchanged:.2f} s",
        "peak memory of a worker": lambda one: f"{one.worker / _MB:,.0f} MB",
        "map, gzip": lambda one: f"{one.map / _MB:.2f} MB",
        "space in Postgres": lambda one: f"{one.postgres / _MB:,.0f} MB",
    }
    return Part(
        title=f"Refreshes of {_numbers(refreshes)} directories",
        words=f"The hub has looked up {LOOKED_UP} directories. The others differ from the first "
        "one in a picture, and get its judgement without a lookup. A worker lists all directories, "
        "compares them and publishes them.",
        columns=("Measure", *(f"{directories:,} directories" for directories in refreshes)),
        rows=tuple((name, *map(row, refreshes.values())) for name, row in rows.items()),
        figures=tuple(_refresh_figures(refreshes.get(LARGE))),
        raw={str(directories): vars(one) for directories, one in refreshes.items()},
    )


def _refresh_figures(large: Published | None) -> Iterator[Figure]:
    if large is None:
        return
    for name, what, value, at_most in (
        ("publish_seconds", "all published: seconds", large.all_new, 180),
        ("one_changed_seconds", "one image changed: seconds", large.one_changed, 20),
        ("unchanged_seconds", "nothing changed: seconds", large.unchanged, 2),
        ("worker_mb", "peak memory of a worker in MB", large.worker / _MB, 1_000),
        ("map_mb", "size of the map in MB, gzip", large.map / _MB, 2),
    ):
        yield size(f"{name}_{LARGE}", f"{LARGE:,} directories, {what}", [value], at_most=at_most)


def _numbers(by_size: dict[int, object]) -> str:
    return " and ".join(f"{directories:,}" for directories in by_size)


def _ms(values: list[float]) -> str:
    ms = [value * 1000 for value in values]
    return f"{statistics.median(ms):,.0f} ms ({min(ms):,.0f}–{max(ms):,.0f})"
