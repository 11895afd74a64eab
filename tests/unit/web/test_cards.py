"""Tests of the template filters and of `is_new`."""

from datetime import timedelta

import pytest
from django.utils import timezone

from hub.templatetags.exporters import HUES, ago, hue, inline_code, machine_time, monogram, short
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


def test_text_between_backticks_is_code() -> None:
    assert inline_code("`<b>` needs 2.0") == "<code>&lt;b&gt;</code> needs 2.0"
    assert inline_code("a ` b & c") == "a ` b &amp; c"


def test_hue_is_in_range_and_constant() -> None:
    assert {hue(f"exporter-{n}") for n in range(200)} == set(range(HUES))
    assert hue("redis") == hue("redis")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        *((0, "0"), (999, "999"), (1000, "1k"), (3149, "3.1k"), (12_345, "12k"), (999_999, "999k")),
        (2_500_000, "2.5M"),
    ],
)
def test_short_rounds_down(number: int, words: str) -> None:
    assert short(number) == words


@pytest.mark.parametrize(
    ("days", "words"),
    [
        *((-1, "today"), (0.5, "today"), (1, "1 day ago"), (13, "1 week ago")),
        *((95, "3 months ago"), (364, "12 months ago"), (800, "2 years ago")),
    ],
)
def test_ago_uses_one_unit(days: float, words: str) -> None:
    assert ago(timezone.now() - timedelta(days=days, seconds=5)) == words


def test_the_initial_import_is_not_new() -> None:
    now = timezone.now()
    start = now - timedelta(days=10)
    assert not is_new(start, start, now)
    assert not is_new(start + timedelta(hours=2), start, now)
    assert is_new(start + timedelta(days=3), start, now)
    assert not is_new(now - timedelta(days=31), now - timedelta(days=90), now)


def test_times_of_attributes_have_at_most_three_digits_of_a_second() -> None:
    time = timezone.now().replace(microsecond=123_456)
    assert machine_time(time) == f"{time:%Y-%m-%dT%H:%M:%S}+00:00"
