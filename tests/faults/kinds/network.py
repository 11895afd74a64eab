"""Connections cut, slow and half open, at each step of a run that uses them."""

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from tests.common.waiting import wait_until
from tests.faults.kinds import POSTGRES_AWAY, POSTGRES_SILENT, kind
from tests.faults.kinds.workers import LOOKUP, PUBLISH_HELD, QUERY, ROOT_TREE
from tests.faults.stage import Stage

_AWAY = 1.5  # seconds
_HELD = 0.8  # seconds; less than the hub waits for GitHub
_SLOW = {"github": 0.25, "redis": 0.05, "postgres": 0.02}  # seconds for each part, both ways

_NOTICED_WITHIN = 60.0  # seconds; each connection of a process may have to run into its timeout

_At = Callable[[Stage], AbstractContextManager[int]]


@contextmanager
def _in_list(stage: Stage) -> Iterator[int]:
    """A run is in the midst of its list; the run before it."""
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
    before = stage.newest_run()
    with stage.locked(PUBLISH_HELD):
        stage.writer.change(directories=6)
        stage.tick()
        stage.wait_for_blocked("hub_servedcontents")
        yield before


_STEPS: dict[str, _At] = {
    "list": _in_list,
    "lookup": _in_lookup,
    "query": _in_query,
    "publish": _in_publish,
}
# (A publication asks GitHub nothing, and a query is a part of a lookup for all others.)
_LEFT_OUT = {("github", "publish"), ("redis", "query"), ("postgres", "query")}
_PROXIES = {"github": "GitHub", "redis": "Redis", "postgres": "Postgres"}


def _cut(proxy: str, at: _At, stage: Stage) -> Generator[None]:
    """Every connection is reset, and new ones for a while."""
    with at(stage):
        assert stage.proxies.cut(proxy, True), f"nobody was connected to {proxy}"
        stage.wait(_AWAY)
    yield
    stage.proxies.repair(proxy)
    if proxy == "redis":
        _wait_until_noticed(stage)  # by workers and beat, which try again later and later


def _cut_once(proxy: str, at: _At, stage: Stage) -> Generator[None]:
    """Every connection is reset, and new ones work at once."""
    with at(stage):
        assert stage.proxies.cut(proxy, False), f"nobody was connected to {proxy}"
    yield
    if proxy == "redis":
        _wait_until_noticed(stage)  # by workers and beat, which try again later and later


def _slow(proxy: str, at: _At, stage: Stage) -> Generator[None]:
    """Everything takes longer until the run has ended."""
    with at(stage) as before:
        already = stage.proxies.delayed(proxy)
        stage.proxies.slow(proxy, _SLOW[proxy])
        wait_until(lambda: stage.proxies.delayed(proxy) > already, f"{proxy} to be slow")
    stage.wait_for_end(before)
    yield
    stage.proxies.repair(proxy)


def _half_open(proxy: str, at: _At, stage: Stage) -> Generator[None]:
    """Nothing comes of what is connected any more, and nobody is told; new connections work."""
    with at(stage):
        assert stage.proxies.vanish(proxy), f"nobody was connected to {proxy}"
    yield
    stage.proxies.repair(proxy)
    _wait_until_noticed(stage)


def _wait_until_noticed(stage: Stage) -> None:
    """Return when the hub has found out by its own timeouts: a run begins again, and ends."""
    stage.wait_for_end(stage.newest_run(), seconds=_NOTICED_WITHIN)


def _register() -> None:
    for proxy, name in _PROXIES.items():
        away = POSTGRES_AWAY if proxy == "postgres" else frozenset[int]()
        silent = POSTGRES_SILENT if proxy == "postgres" else frozenset[int]()
        stops = proxy != "github"
        for step, at in _STEPS.items():
            if (proxy, step) in _LEFT_OUT:
                continue
            kind(
                f"{name} cut off in {step}",
                times=1,
                allows=away,
                stops_housekeeping=stops,
            )(partial(_cut, proxy, at))
            kind(
                f"{name}'s connections reset in {step}",
                times=1,
                allows=away,
                stops_housekeeping=stops,
            )(partial(_cut_once, proxy, at))
            kind(f"{name} slow in {step}", times=1, stops_housekeeping=stops)(
                partial(_slow, proxy, at)
            )
            if sys.platform == "linux":  # a packet filter of its sockets does it
                kind(
                    f"{name}'s connections half open in {step}",
                    times=1,
                    allows=silent,
                    stops_housekeeping=stops,
                )(partial(_half_open, proxy, at))


_register()
