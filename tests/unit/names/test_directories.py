"""Matching directories to exporters by name."""

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.names.directories import Names, match, normalise
from tests.common.sample import SAMPLE


def given_names(*names: str) -> Names:
    return Names(frozenset(names))


@pytest.mark.parametrize(
    "name",
    [
        *("Redis", "redis_exporter", "Redis Metrics Exporter", "REDIS-Exporter", "redis"),
        *("redis-mixin", "redis_mixin", "prometheus-redis", "prometheus-redis-exporter"),
        *("redis-monitoring", "redis-alerts", "redis_alerting_rules", "Redis Dashboards"),
        *("redis-helm-chart", "redis-exporter-mixin", "Redis Prometheus Exporter"),
    ],
)
def test_names_of_the_same_exporter_are_equal(name: str) -> None:
    assert normalise(name) == "redis"


@pytest.mark.parametrize(
    ("name", "software"),
    [
        ("Prometheus", "prometheus"),
        ("prometheus-alerts", "prometheus"),
        ("Metrics Exporter", "metrics"),
        ("metrics-server", "metricsserver"),
        ("kube-state-metrics-mixin", "kubestate"),
        ("Alerts for Redis", "alertsforredis"),
    ],
)
def test_only_affixes_are_removed_and_never_all_words(name: str, software: str) -> None:
    assert normalise(name) == software


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


def catalogue(file: Path, *columns: str) -> dict[int, Names]:
    """The names of the exporters in a CSV file, by line; the last column has the repository."""
    with file.open(encoding="utf-8-sig") as lines:
        return {
            line: Names(
                frozenset(normalise(row[column]) for column in columns[:-1]),
                normalise(row[columns[-1]].rpartition("/")[2]),
            )
            for line, row in enumerate(csv.DictReader(lines))
        }


@pytest.fixture
def shipped() -> dict[int, Names]:
    return catalogue(SAMPLE / "catalogue.csv", "title", "project_name", "slug", "repository")


def test_software_with_another_name_is_not_matched(shipped: dict[int, Names]) -> None:
    others = (
        *("sql-server", "SQL Server", "mysql-router", "mysql-operator", "node-red"),
        *("node-problem-detector", "redis-sentinel", "kafka-connect", "grafana-agent"),
        *("vault-agent", "nginx-ingress", "json-server", "process-compose", "windows-server"),
        *("prometheus", "prometheus-rules", "prometheus-operator", "prometheus-server"),
        *("kubernetes-mixin", "metrics-server", "elasticsearch-curator", "consul-template"),
    )
    assert match(others, shipped) == {}


def test_every_exporter_matches_its_own_names(shipped: dict[int, Names]) -> None:
    with (SAMPLE / "catalogue.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    for line, row in enumerate(rows):
        own = {row["title"], row["slug"], row["project_name"], f"{row['slug']}-mixin"}
        assert match(own, shipped) == dict.fromkeys(own, line)


def test_real_directories_match_their_exporters(
    shipped: dict[int, Names], real_contents: Path
) -> None:
    samples = {path.name for path in (SAMPLE / "contents").iterdir()}
    assert match(samples, shipped).keys() == samples
    real = set(json.loads((real_contents / "truth.json").read_text()))
    names = catalogue(real_contents / "exporter_list.csv", "title", "project_name", "github_url")
    assert match(real, names).keys() == real - {"Kafka_Exporter"}  # which that list does not have


def test_a_repository_that_does_not_name_its_software_matches_nothing() -> None:
    names = {1: Names(frozenset({"jenkins"}), normalise("prometheus-plugin"))}
    assert match(["Prometheus", "prometheus-mixin", "plugin"], names) == {}


def test_an_assignment_takes_precedence() -> None:
    names = {1: given_names("redis"), 2: given_names("kafka")}
    assigned = {"Redis": 2, "Kafka": None, "Gone": 1}
    assert match(["Redis", "Kafka"], names, assigned) == {"Redis": 2}
