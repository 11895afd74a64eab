"""Figures and how they are measured: contenders in turn, round by round, and medians. Pure."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One ratio or size, kept under `name`; `low` and `high` are its spread over the rounds."""

    name: str
    what: str
    value: float
    low: float
    high: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def holds(self) -> bool:
        """Whether it is within its bound."""
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    @property
    def bound(self) -> str:
        """The bound in words; "" without one."""
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return "" if self.at_most is None else f"at most {self.at_most:g}"


@dataclass(frozen=True)
class Part:
    """One table of the report, its figures, and all that was measured."""

    title: str
    words: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    figures: tuple[Figure, ...]
    raw: dict[str, Any]


def interleaved(
    contenders: Mapping[str, Callable[[], float]], rounds: int
) -> dict[str, list[float]]:
    """What each contender measures, once a round, one after the other.

    So whatever the machine does meanwhile affects all of them alike.
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
    """The median of the rounds' ratios: ours divided by theirs of the same round."""
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
    """The median of what was measured."""
    return Figure(
        name, what, statistics.median(values), min(values), max(values), at_least, at_most
    )
