"""How lookups are put together into tasks. Pure."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

# A task costs a worker's loop as much as several requests cost its threads: directories that share
# one cost next to nothing, but are begun by one worker, and noted together.
MOST = 10
FEWEST_TASKS = 8  # as far as there are directories, so that every worker gets some
# Tasks that two workers are at together, as `make run` and the image start them, and requests that
# a directory costs: its tree and a few files.
_TASKS, _REQUESTS = 64, 4


def largest_batch(points_per_minute: int) -> int:
    """Directories of the largest batch, under a budget of so many points a minute (0: none).

    All tasks that workers are at share the budget, and each should end within a minute or so.
    """
    if not points_per_minute:
        return MOST
    return max(1, min(MOST, points_per_minute // (_TASKS * _REQUESTS)))


def batches(things: Sequence[T], largest: int) -> Iterator[Sequence[T]]:
    """The things in their order, in even batches; a few go one by one."""
    count = max(min(FEWEST_TASKS, len(things)), -(-len(things) // largest))
    for number in range(count):
        yield things[number * len(things) // count : (number + 1) * len(things) // count]
