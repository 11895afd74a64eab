"""Matching directories to exporters by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.names.directories import Names, match, normalise


def given_names(*names: str) -> Names:
    return Names(frozenset(names))


@pytest.mark.parametrize(
    "name", ["Redis", "redis_exporter", "Redis Metrics Exporter", "REDIS-Exporter", "redis"]
)
def test_names_of_the_same_exporter_are_equal(name: str) -> None:
    assert normalise(name) == "redis"


def test_a_name_of_filler_words_keeps_them() -> None:
    assert normalise("Prometheus Server") == "prometheusserver"


@given(st.text(min_size=1))
def test_every_name_has_a_normal_form(name: str) -> None:
    assert normalise(name) == normalise(name.upper().lower()) or not name.isascii()
    assert normalise(name) != ""


def test_directories_find_their_exporter() -> None:
    names = {1: given_names("redis"), 2: given_names("kafka"), 3: given_names("collectd")}
    directories = ["Redis", "Kafka_Exporter", "Collectd Exporter", "Collectd_Exporter", "Else"]
    assert match(directories, names) == {
        "Redis": 1,
        "Kafka_Exporter": 2,
        "Collectd Exporter": 3,
        "Collectd_Exporter": 3,
    }


def test_a_name_of_two_exporters_matches_neither() -> None:
    assert match(["Kafka"], {1: given_names("kafka"), 2: given_names("kafka")}) == {}


def test_the_repository_name_is_used_if_no_given_name_matches() -> None:
    names = {
        1: Names(frozenset({"mysql"}), normalise("mysqld_exporter")),
        2: Names(frozenset({"kongapigateway"}), normalise("kong-plugin-prometheus")),
        3: Names(frozenset({"kong"}), "other"),
    }
    assert match(["mysqld_exporter", "Kong"], names) == {"mysqld_exporter": 1, "Kong": 3}


def test_an_assignment_takes_precedence() -> None:
    names = {1: given_names("redis"), 2: given_names("kafka")}
    assigned = {"Redis": 2, "Kafka": None, "Gone": 1}
    assert match(["Redis", "Kafka"], names, assigned) == {"Redis": 2}
