"""How lookups share tasks."""

import pytest

from hub.content.refresh.batches import ALONE, FEWEST, MOST, batches, largest_batch


@pytest.mark.parametrize("number", [1, 7, ALONE, ALONE + 1, 50, 500, 10_000])
@pytest.mark.parametrize("largest", [1, 3, MOST])
def test_everything_is_in_one_batch_in_its_order(number: int, largest: int) -> None:
    made = list(batches(range(number), largest))
    assert [thing for batch in made for thing in batch] == list(range(number))
    assert all(1 <= len(batch) <= largest for batch in made) or number <= ALONE
    sizes = {len(batch) for batch in made}
    assert max(sizes) - min(sizes) <= 1


def test_a_few_have_a_task_each_and_many_share_few_tasks() -> None:
    assert len(list(batches(range(ALONE), MOST))) == ALONE
    assert len(list(batches(range(50), MOST))) == FEWEST
    assert len(list(batches(range(10_000), MOST))) == 10_000 / MOST


def test_nothing_makes_no_batch() -> None:
    assert list(batches([], MOST)) == []


def test_a_small_budget_makes_small_batches() -> None:
    assert largest_batch(0) == MOST
    assert largest_batch(1_000_000) == MOST
    assert largest_batch(810) == 3, "as GitHub allows: 64 tasks of 3 directories end in a minute"
    assert largest_batch(1) == 1
