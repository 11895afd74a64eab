"""The kinds of faults.

Each kind is a generator function that gets the stage. The code before its `yield` breaks something
and waits for the effect; the code after it repairs the damage. The runner does the rest.
"""

import importlib
import pkgutil
from collections.abc import Callable, Generator
from dataclasses import dataclass

from tests.faults.checker import NO_ANSWER
from tests.faults.stage import Stage

Act = Callable[[Stage], Generator[None]]

WEB_AWAY = frozenset({NO_ANSWER})
POSTGRES_AWAY = frozenset({503})
POSTGRES_SILENT = frozenset({503, NO_ANSWER})


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    `times`: number of injections in the full suite. `allows`: errors that readers may get during
    the fault (see `checker.Window`). `stops_housekeeping`: housekeeping cannot close runs during
    the fault. `within`: seconds that the hub has to serve the newest commit again. `short`:
    `make test` injects it too.
    """

    name: str
    act: Act
    times: int
    allows: frozenset[int] = frozenset()
    stops_housekeeping: bool = False
    within: float = 45.0
    short: bool = False


KINDS: dict[str, Kind] = {}
LEFT_OUT: list[str] = []  # for each group of kinds that cannot be injected here, why


def kind(
    name: str,
    *,
    times: int,
    allows: frozenset[int] = frozenset(),
    stops_housekeeping: bool = False,
    within: float = 45.0,
    short: bool = False,
) -> Callable[[Act], Act]:
    """Return a decorator that registers a generator function as a kind of fault."""

    def register(act: Act) -> Act:
        assert name not in KINDS, name
        KINDS[name] = Kind(name, act, times, allows, stops_housekeeping, within, short)
        return act

    return register


def all_kinds() -> dict[str, Kind]:
    """Import all modules of this package and return every kind by its name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return KINDS
