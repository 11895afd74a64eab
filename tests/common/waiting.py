"""Awaiting a condition instead of sleeping."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, *, seconds: float = 30.0) -> T:
    """The first truthy value of `condition`; fails naming `what` after `seconds`."""
    until = monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if monotonic() > until:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")
        sleep(0.02)
