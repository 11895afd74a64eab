"""The kinds of faults. Each is a generator over the stage: what comes before its `yield` breaks
something and awaits the effect, what comes after repairs it. The runner does the rest.
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

    `times` is how often the full suite injects it, `allows` what readers may get meanwhile (see
    `checker.Window`), `stops_housekeeping` whether no run can be closed while it lasts, `within`
    how many seconds the hub has to serve the newest commit again. `short`: `make test` injects it
    too.
    """

    name: str
    act: Act
    times: int
    allows: frozenset[int] = frozenset()
    stops_housekeeping: bool = False
    within: float = 45.0
    short: bool = False


KINDS: dict[str, Kind] = {}


def kind(
    name: str,
    *,
    times: int,
    allows: frozenset[int] = frozenset(),
    stops_housekeeping: bool = False,
    within: float = 45.0,
    short: bool = False,
) -> Callable[[Act], Act]:
    """Make a generator over the stage a kind of fault."""

    def register(act: Act) -> Act:
        assert name not in KINDS, name
        KINDS[name] = Kind(name, act, times, allows, stops_housekeeping, within, short)
        return act

    return register


def all_kinds() -> dict[str, Kind]:
    """Every kind of this folder's modules, by its name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return KINDS
