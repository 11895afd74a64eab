"""Network faults at each step of a run: connections cut, slow, reset or half-open."""

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from tests.common.waiting import wait_until
from tests.faults.kinds import POSTGRES_AWAY, POSTGRES_SILENT, kind
from tests.faults.kinds.workers import LOOKUP, QUERY, ROOT_TREE, publication_held
from tests.faults.stage import Stage

_AWAY = 1.5  # seconds
_HELD = 0.8  # seconds; shorter than the hub's read timeout for GitHub
_SLOW = {"github": 0.25, "redis": 0.05, "postgres": 0.02}  # delay per chunk in both directions

_NOTICED_WITHIN = 60.0  # seconds; each connection of a process may have to time out

_At = Callable[[Stage], AbstractContextManager[int]]


@contextmanager
def _in_list(stage: Stage) -> Iterator[int]:
    """Hold a run during its listing. Yields the number of the run before it."""
    before = stage.newest_run()
    held = stage.github.strike("slow", [_HELD], ROOT_TREE, 1)
    stage.writer.change(directories=6)
    stage.tick()
    stage.wait_for_strike(held)
    yield before


@contextmanager
def _in_lookup(stage: Stage) -> Iterator[int]:
    before = stage.newest_run()
    held = stage.github.strike("slow", [_HELD], LOOKUP, 4)
    stage.writer.change(directories=6)
    stage.tick()
    stage.wait_for_strike(held)
    yield before


@contextmanager
def _in_query(stage: Stage) -> Iterator[int]:
    before = stage.newest_run()
    held = stage.github.strike("slow", [_HELD], QUERY, 4)
    stage.writer.renew(directories=6)
    stage.tick()
    stage.wait_for_strike(held)
    yield before


@contextmanager
def _in_publish(stage: Stage) -> Iterator[int]:
    with publication_held(stage) as run:
        yield run - 1


_STEPS: dict[str, _At] = {
    "listing": _in_list,
    "lookup": _in_lookup,
    "a GraphQL query": _in_query,
    "publishing": _in_publish,
}
# Publishing sends nothing to GitHub, and a query uses neither Redis nor Postgres.
_EXCLUDED = {
    ("github", "publishing"),
    ("redis", "a GraphQL query"),
    ("postgres", "a GraphQL query"),
}
_PROXIES = {"github": "GitHub", "redis": "Redis", "postgres": "Postgres"}


def _cut(proxy: str, at: _At, stage: Stage) -> Generator[None]:
    """Reset every connection, and reject new ones for a while."""
    with at(stage):
        assert stage.proxies.cut(proxy, True), f"no connections to {proxy}"
        stage.wait(_AWAY)
    yield
    stage.proxies.repair(proxy)
    if proxy == "redis":
        _wait_until_noticed(stage)  # workers and beat reconnect with increasing delays


def _cut_once(proxy: str, at: _At, stage: Stage) -> Generator[None]:
    """Reset every connection once; new ones work immediately."""
    with at(stage):
        assert stage.proxies.cut(proxy, False), f"no connections to {proxy}"
    yield
    if proxy == "redis":
        _wait_until_noticed(stage)  # workers and beat reconnect with increasing delays


def _slow(proxy: str, at: _At, stage: Stage) -> Generator[None]:
    """Delay all traffic until the run has finished."""
    with at(stage) as before:
        already = stage.proxies.delayed(proxy)
        stage.proxies.slow(proxy, _SLOW[proxy])
        wait_until(lambda: stage.proxies.delayed(proxy) > already, f"{proxy} to be slow")
    stage.wait_for_end(before)
    yield
    stage.proxies.repair(proxy)


def _half_open(proxy: str, at: _At, stage: Stage) -> Generator[None]:
    """Drop all packets of existing connections without closing them."""
    with at(stage):
        assert stage.proxies.vanish(proxy), f"no connections to {proxy}"
    yield
    stage.proxies.repair(proxy)
    _wait_until_noticed(stage)


def _wait_until_noticed(stage: Stage) -> None:
    """Wait until the hub has recovered by its own timeouts: a new run starts and finishes."""
    stage.wait_for_end(stage.newest_run(), seconds=_NOTICED_WITHIN)


def _register() -> None:
    for proxy, name in _PROXIES.items():
        away = POSTGRES_AWAY if proxy == "postgres" else frozenset[int]()
        silent = POSTGRES_SILENT if proxy == "postgres" else frozenset[int]()
        stops = proxy != "github"
        for step, at in _STEPS.items():
            if (proxy, step) in _EXCLUDED:
                continue
            kind(
                f"{name} unreachable during {step}",
                times=1,
                allows=away,
                stops_housekeeping=stops,
            )(partial(_cut, proxy, at))
            kind(
                f"{name} connections reset during {step}",
                times=1,
                allows=away,
                stops_housekeeping=stops,
            )(partial(_cut_once, proxy, at))
            kind(f"{name} slow during {step}", times=1, stops_housekeeping=stops)(
                partial(_slow, proxy, at)
            )
            if sys.platform == "linux":  # needs a packet filter on the sockets
                kind(
                    f"{name} connections half-open during {step}",
                    times=1,
                    allows=silent,
                    stops_housekeeping=stops,
                )(partial(_half_open, proxy, at))


_register()
