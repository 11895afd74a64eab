"""Names of directories and of exporters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.contents.matching import match, normalise


@pytest.mark.parametrize(
    "name", ["Redis", "redis_exporter", "Redis Metrics Exporter", "REDIS-Exporter", "redis"]
)
def test_names_of_one_exporter_are_one(name: str) -> None:
    assert normalise(name) == "redis"


def test_a_name_of_filler_words_keeps_them() -> None:
    assert normalise("Prometheus Server") == "prometheusserver"


@given(st.text(min_size=1))
def test_every_name_has_a_normal_form(name: str) -> None:
    assert normalise(name) == normalise(name.upper().lower()) or not name.isascii()
    assert normalise(name) != ""


def test_directories_find_their_exporter() -> None:
    names = {1: {"redis"}, 2: {"kafka"}, 3: {"collectd"}}
    directories = ["Redis", "Kafka_Exporter", "Collectd Exporter", "Collectd_Exporter", "Else"]
    assert match(directories, names) == {
        "Redis": 1,
        "Kafka_Exporter": 2,
        "Collectd Exporter": 3,
        "Collectd_Exporter": 3,
    }


def test_a_name_that_two_exporters_bear_decides_nothing() -> None:
    assert match(["Kafka"], {1: {"kafka"}, 2: {"kafka"}}) == {}
