"""Bar chart of the durations of the last runs. Pure functions."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, log10

from hub.models import RefreshRun

# Runs that find no change end within a second, others take minutes: only a logarithmic scale shows
# both. The scale starts at this number of seconds, and each line is ten times the line below it.
_FLOOR = 0.1
_MIN_HEIGHT = 3.0  # percent, so that every bar is visible


@dataclass(frozen=True)
class Bar:
    """A run and the height of its bar in percent."""

    run: RefreshRun
    height: float

    @property
    def top(self) -> float:
        """The distance of the bar's upper edge from the top, in percent."""
        return round(100 - self.height, 2)


@dataclass(frozen=True)
class RunChart:
    """The bars, oldest run first, and the labels of the grid lines, topmost first."""

    bars: list[Bar]
    lines: list[str]

    @property
    def decades(self) -> int:
        """The number of powers of ten that the scale spans."""
        return len(self.lines) - 1


def chart(newest_first: Iterable[RefreshRun]) -> RunChart:
    """Return the chart of the runs, which are given newest first."""
    runs = list(newest_first)[::-1]
    longest = max((run.seconds for run in runs), default=1.0)
    decades = max(2, ceil(log10(max(longest, 1.0) / _FLOOR)))

    def height(seconds: float) -> float:
        share = log10(max(seconds, _FLOOR) / _FLOOR) / decades
        return round(max(100 * share, _MIN_HEIGHT), 2)

    return RunChart(
        [Bar(run, height(run.seconds)) for run in runs],
        [f"{_FLOOR * 10**decade:g} s" for decade in range(decades, -1, -1)],
    )
