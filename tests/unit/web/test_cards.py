"""How an exporter is drawn on a card."""

from datetime import timedelta

import pytest
from django.utils import timezone

from hub.templatetags.exporters import HUES, ago, hue, monogram, short
from hub.web.pages.catalogue import is_new


@pytest.mark.parametrize(
    ("title", "letters"),
    [
        ("Redis", "Re"),
        ("Node Exporter", "NE"),
        ("PHP-FPM", "PF"),
        ("X", "X"),
        ("💥", "?"),
        ("Ärzte", "Är"),
    ],
)
def test_monograms(title: str, letters: str) -> None:
    assert monogram(title) == letters


def test_a_hue_is_one_of_the_few_and_stays() -> None:
    assert {hue(f"exporter-{n}") for n in range(200)} == set(range(HUES))
    assert hue("redis") == hue("redis")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        *((0, "0"), (999, "999"), (1000, "1k"), (3149, "3.1k"), (12_345, "12k"), (999_999, "999k")),
        (2_500_000, "2.5M"),
    ],
)
def test_counts_in_short_are_never_more_than_they_are(number: int, words: str) -> None:
    assert short(number) == words


@pytest.mark.parametrize(
    ("days", "words"),
    [
        *((-1, "today"), (0.5, "today"), (1, "1 day ago"), (13, "1 week ago")),
        *((95, "3 months ago"), (364, "12 months ago"), (800, "2 years ago")),
    ],
)
def test_ages_in_one_unit(days: float, words: str) -> None:
    assert ago(timezone.now() - timedelta(days=days, seconds=5)) == words


def test_new_needs_a_catalogue_that_was_there_before() -> None:
    now = timezone.now()
    start = now - timedelta(days=10)
    assert not is_new(start, start, now)
    assert not is_new(start + timedelta(hours=2), start, now)
    assert is_new(start + timedelta(days=3), start, now)
    assert not is_new(now - timedelta(days=31), now - timedelta(days=90), now)
