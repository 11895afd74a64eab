"""How lookups are put together into tasks. Pure."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

# A task costs a worker's loop about 10 ms, as much as ten requests cost its threads: directories
# that share one cost next to nothing, but are at one worker and wait for each other.
ALONE = 16  # so many directories have a task each
MOST = 16
FEWEST = 4  # batches, so that every worker gets some
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
    alone = len(things) <= ALONE
    count = len(things) if alone else max(FEWEST, -(-len(things) // largest))
    for number in range(count):
        yield things[number * len(things) // count : (number + 1) * len(things) // count]
