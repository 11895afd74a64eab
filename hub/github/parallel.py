"""Requests side by side: as many at once as the process has threads for tasks, whoever asks."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from typing import TypeVar

from celery.signals import celeryd_after_setup
from django.db import connection

from hub.github.errors import GitHubError

K = TypeVar("K")
V = TypeVar("V")

_width = 32


@celeryd_after_setup.connect
def _as_wide_as_the_worker(instance: object, **_: object) -> None:
    global _width
    _width = int(getattr(instance, "concurrency", 0) or _width)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_width, thread_name_prefix="github")


def ask_all(ask: Callable[[K], V], keys: Iterable[K]) -> Iterator[tuple[K, V | GitHubError]]:
    """(key, what `ask` returned for it or the `GitHubError` that it raised), as they come.

    All are asked at once, as far as the process's width allows; one alone needs no other thread.
    """
    keys = list(keys)
    if len(keys) == 1:
        yield keys[0], _ask(ask, keys[0])
        return
    asked = {_threads().submit(_ask_in_thread, ask, key): key for key in keys}
    try:
        for done in as_completed(asked):
            yield asked[done], done.result()
    finally:
        for left in asked:
            left.cancel()


def _ask(ask: Callable[[K], V], key: K) -> V | GitHubError:
    try:
        return ask(key)
    except GitHubError as error:
        return error


def _ask_in_thread(ask: Callable[[K], V], key: K) -> V | GitHubError:
    try:
        return _ask(ask, key)
    finally:
        connection.close()  # once a second or so, to choose a token; nobody else would close it
