"""The last runs as a chart: a bar for each, as high as the run took long. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, log10

from hub.models import RefreshRun

# Runs that find nothing new end within a second, others take minutes: only a logarithmic scale
# shows both. It begins here, in seconds, and each line above stands for ten times as much.
_FLOOR = 0.1
_LOWEST_BAR = 3.0  # percent of the height: so much of a bar is always there to be seen


@dataclass(frozen=True)
class Bar:
    """A run, and its height in percent."""

    run: RefreshRun
    height: float

    @property
    def top(self) -> float:
        """Where the bar begins, from above, in percent."""
        return round(100 - self.height, 2)


@dataclass(frozen=True)
class RunChart:
    """Bars, the oldest first, and the scale's lines in seconds, the topmost first."""

    bars: list[Bar]
    lines: list[str]

    @property
    def decades(self) -> int:
        """How many spaces there are between the lines."""
        return len(self.lines) - 1


def chart(newest_first: Iterable[RefreshRun]) -> RunChart:
    """The chart of some runs."""
    runs = list(newest_first)[::-1]
    longest = max((run.seconds for run in runs), default=1.0)
    decades = max(2, ceil(log10(max(longest, 1.0) / _FLOOR)))

    def height(seconds: float) -> float:
        share = log10(max(seconds, _FLOOR) / _FLOOR) / decades
        return round(max(100 * share, _LOWEST_BAR), 2)

    return RunChart(
        [Bar(run, height(run.seconds)) for run in runs],
        [f"{_FLOOR * 10**decade:g} s" for decade in range(decades, -1, -1)],
    )
