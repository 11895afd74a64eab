"""Figures: medians over rounds in which the contenders are measured in turn. No side effects."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One ratio or size, stored as `name`; `low` and `high` are its spread over the rounds."""

    name: str
    what: str
    value: float
    low: float
    high: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the value meets its target."""
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    @property
    def bound(self) -> str:
        """The target as text; "" if there is none."""
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return "" if self.at_most is None else f"at most {self.at_most:g}"


@dataclass(frozen=True)
class Part:
    """One table of the report with its figures and the raw measurements."""

    title: str
    words: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    figures: tuple[Figure, ...]
    raw: dict[str, Any]


def interleaved(
    contenders: Mapping[str, Callable[[], float]], rounds: int
) -> dict[str, list[float]]:
    """Measure all contenders in turn, once per round, and return the values by contender.

    Other load on the machine then affects all contenders equally.
    """
    measured: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, measure in contenders.items():
            measured[name].append(measure())
    return measured


def ratio(
    name: str,
    what: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Figure:
    """Return the median of `ours / theirs` over the rounds."""
    return size(
        name,
        what,
        [a / b for a, b in zip(ours, theirs, strict=True)],
        at_least=at_least,
        at_most=at_most,
    )


def size(
    name: str,
    what: str,
    values: Sequence[float],
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Figure:
    """Return the median of the values."""
    return Figure(
        name, what, statistics.median(values), min(values), max(values), at_least, at_most
    )
