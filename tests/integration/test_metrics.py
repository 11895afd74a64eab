"""Metrics from the repository to the pages: published names, the tab, marks, search and API."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from hub.content.judgement import RULES_VERSION
from hub.models import (
    Category,
    ContentBlob,
    ContentName,
    ContentTree,
    Exporter,
    ExporterContents,
    Snapshot,
)
from tests.common import contents
from tests.conftest import Hub

SAMPLE = b"""# HELP redis_up Whether Redis answers.
# TYPE redis_up gauge
redis_up{instance="a"} 1
# HELP redis_seconds Latency.
# TYPE redis_seconds histogram
redis_seconds_bucket{le="+Inf"} 1
redis_unused 1
"""
NODE = b"# TYPE node_load1 gauge\nnode_load1 1\n"


@pytest.fixture
def published(hub: Hub) -> Hub:
    """Redis with a sample and with metrics that it lacks, Node, and Kafka without a sample."""
    category = Category.objects.create(name="Database")
    for title in ("Redis", "Node", "Kafka"):
        repository = f"https://github.com/tests/{title}"
        Exporter.objects.create(
            slug=title.lower(), title=title, repository=repository, category=category
        )
    hub.add_token()
    hub.write("Redis/metrics.txt", SAMPLE)
    expr = "redis_up + redis_absent + node_load1 + up"
    hub.write("Redis/alert.yaml", contents.alert("RedisDown", expr))
    hub.write("Redis/dashboard.json", contents.dashboard("Board").replace(b'"up"', b'"redis_up"'))
    hub.write("Node/metrics.txt", NODE)
    hub.write("Kafka/alert.yaml", contents.alert("KafkaDown", "kafka_up"))
    hub.refresh()
    return hub


def verdicts(slug: str) -> dict[str, str]:
    metrics = Client().get(f"/api/v1/exporters/{slug}/metrics").json()["metrics"]
    return {metric["name"]: metric["verdict"] for metric in metrics}


def names() -> set[tuple[str, str]]:
    return set(ContentName.objects.values_list("directory", "name"))


def test_every_used_name_has_a_verdict(published: Hub) -> None:
    assert verdicts("redis") == {
        "redis_absent": "not in the sample",
        "node_load1": "from another exporter",
        "redis_up": "exported",
        "redis_seconds": "exported",
        "redis_unused": "exported",
        "up": "built in",
    }
    assert next(iter(verdicts("redis"))) == "redis_absent"
    assert verdicts("kafka") == {"kafka_up": "unknown"}


def test_a_metric_in_the_api(published: Hub) -> None:
    answer = Client().get("/api/v1/metrics", {"name": "node_load1"}).json()
    assert [
        (each["exporter"], each["exported"], each["used"]) for each in answer["directories"]
    ] == [("node", True, False), ("redis", False, True)]
    (use,) = answer["directories"][1]["uses"]
    assert use["path"] == "Redis/alert.yaml"
    assert use["what"] == "alert 'RedisDown'"
    assert Client().get("/api/v1/metrics", {"name": "nothing"}).json()["directories"] == []
    assert Client().get("/api/v1/metrics").status_code == 422


def test_a_metric_is_one_indexed_query(published: Hub) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
    with CaptureQueriesContext(connection) as captured:
        Client().get("/api/v1/metrics", {"name": "redis_up"})
    (query,) = [each["sql"] for each in captured if "hub_contentname" in each["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {query}")
        plan = " ".join(row[0] for row in cursor.fetchall())
        cursor.execute("SET enable_seqscan = on")
    assert "Index" in plan
    assert "Seq Scan" not in plan


def test_only_changed_directories_are_written(published: Hub) -> None:
    before = set(ContentName.objects.values_list("pk", "directory"))
    published.write("Redis/metrics.txt", SAMPLE + b"redis_absent 1\n")
    published.refresh()
    after = set(ContentName.objects.values_list("pk", "directory"))
    assert {directory for _, directory in before ^ after} == {"Redis"}
    assert verdicts("redis")["redis_absent"] == "exported"


def test_names_from_newer_rules_are_kept(published: Hub) -> None:
    redis = ExporterContents.objects.get(directory="Redis")
    ContentTree.objects.filter(pk=redis.tree_sha).update(rules=RULES_VERSION + 1)
    redis.names_of = f"{redis.tree_sha}:{RULES_VERSION + 1}"
    redis.save()
    before = set(ContentName.objects.values_list("pk", "directory"))
    published.write("Node/metrics.txt", SAMPLE)
    published.refresh()
    after = set(ContentName.objects.values_list("pk", "directory"))
    assert {directory for _, directory in before ^ after} == {"Node"}


def test_names_go_with_their_directory(published: Hub) -> None:
    published.github.repository.delete("contents/Node/metrics.txt")
    published.refresh()
    assert not any(directory == "Node" for directory, _ in names())
    assert verdicts("redis")["node_load1"] == "not in the sample"


def test_a_full_refresh_repairs_names(published: Hub) -> None:
    before = names()
    ContentName.objects.filter(directory="Redis").delete()
    published.refresh(full=True)
    assert names() == before


def test_a_filled_hub_is_judged_again_without_requests_for_files(published: Hub) -> None:
    before = names()
    ContentName.objects.all().delete()
    ContentTree.objects.update(rules=6, fit=None)
    ContentBlob.objects.update(rules=6)
    ExporterContents.objects.update(names_of=None)
    Snapshot.objects.update(rules=6)
    _, paths = published.count()
    assert names() == before
    assert not [path for path in paths if "graphql" in path or "/git/blobs/" in path]


def test_the_summary_counts_metrics_of_the_sample(published: Hub) -> None:
    row = ExporterContents.objects.get(directory="Redis")
    assert (row.metrics_fitting, row.metrics_checked) == (1, 3)
    card = r'title="[^"]*answer of the exporter to a scrape">1 of 3 metrics in the sample'
    assert re.search(card, Client().get("/").content.decode())
    assert "A sample is what the exporter answered" in page("/exporters/redis/metrics")
    grid = Client().get("/coverage").content.decode()
    assert "1 of 3 used metrics in the sample" in grid
    lines = Client().get("/coverage.csv").content.decode().splitlines()
    assert [line.split(",")[5:7] for line in lines if line.startswith("Redis,")] == [["1", "3"]]


def page(path: str, **query: Any) -> str:
    answer = Client().get(path, query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_tab(published: Hub) -> None:
    text = page("/exporters/redis/metrics")
    order = ["redis_absent", "node_load1", "redis_up", "redis_unused"]
    places = [text.index(f"<bdi>{name}</bdi></code>") for name in order]
    assert places == sorted(places)
    assert "Whether Redis answers." in text
    assert '<a href="/exporters/node">Node</a>' in text
    assert "/exporters/redis/alerts?file=Redis%2Falert.yaml#L" in text
    assert "/exporters/redis/dashboards?file=Redis%2Fdashboard.json#L" in text
    unused = page("/exporters/redis/metrics", show="unused")
    assert "redis_unused" in unused
    assert "redis_up" not in unused
    absent = page("/exporters/redis/metrics", show="absent")
    assert "redis_absent" in absent
    assert "redis_unused" not in absent
    assert "redis_unused" not in page("/exporters/redis/metrics", q="seconds_bucket")
    assert "No sample of the metrics" in page("/exporters/kafka/metrics")


def test_marks_beside_alerts_and_panels(published: Hub) -> None:
    alerts = page("/exporters/redis/alerts")
    assert "not in the sample: <code><bdi>redis_absent</bdi></code>" in alerts
    assert 'from <a href="/exporters/node">Node</a>' in alerts
    assert "fits the sample" in page("/exporters/redis/dashboards")
    assert "sample" not in page("/exporters/kafka/alerts")


def test_only_one_file_is_shown_if_the_address_names_it(published: Hub) -> None:
    published.write("Redis/other_alert.yaml", contents.alert("OtherAlert"))
    published.refresh()
    text = page("/exporters/redis/alerts", file="Redis/alert.yaml")
    assert "RedisDown" in text
    assert "OtherAlert" not in text


def test_the_search_finds_metrics_and_alerts(published: Hub) -> None:
    text = page("/", q="redis_absent")
    assert 'id="hub.metrics">Metrics</h3>' in text
    assert "hub.alerts" not in text
    assert "/exporters/redis/metrics?q=redis_absent" in text
    assert "used by" in text
    text = page("/", q="RedisDown")
    assert 'id="hub.alerts">Alerts</h3>' in text
    assert "/exporters/redis/alerts?file=Redis%2Falert.yaml#L" in text
    assert "exported by" in page("/", q="load1")
    assert "hub.metrics" not in page("/", q="re")


def test_a_verdict_counts_the_samples_of_the_file_s_version(published: Hub) -> None:
    published.write("Kafka/v1.0/metrics.txt", b"# TYPE kafka_a gauge\nkafka_a 1\n")
    published.write("Kafka/v2.0/alert.yaml", contents.alert("New", "kafka_a + kafka_b"))
    published.write("Kafka/v1.0/alert.yaml", contents.alert("Old", "kafka_c"))
    published.refresh()
    assert verdicts("kafka") == {
        "kafka_a": "exported",
        "kafka_b": "unknown",
        "kafka_c": "not in the sample",
        "kafka_up": "not in the sample",
    }


def test_a_counter_of_openmetrics_is_not_exported_by_its_own_name(published: Hub) -> None:
    published.write("Kafka/metrics.txt", b"# TYPE kafka_x counter\nkafka_x_total 1\n# EOF\n")
    published.write("Kafka/alert.yaml", contents.alert("Wrong", "kafka_x"))
    published.refresh()
    metrics = Client().get("/api/v1/exporters/kafka/metrics").json()["metrics"]
    assert [(each["name"], each["verdict"], each["series"]) for each in metrics] == [
        ("kafka_x", "not in the sample", []),
        ("kafka_x", "exported", ["kafka_x_created", "kafka_x_total"]),
    ]
    assert "not in the sample: <code><bdi>kafka_x</bdi></code>" in page("/exporters/kafka/alerts")


@pytest.mark.parametrize(
    ("name", "status"),
    [
        *((".*", 200), ("redis_(up|absent)", 200), ("REDIS_UP", 200), ("job:redis:up", 200)),
        *(("x" * 10_000, 422), ("redis\0up", 422), ("é\u202e\n'\"<b>", 200)),
    ],
)
def test_odd_names_in_the_api_and_the_search(published: Hub, name: str, status: int) -> None:
    answer = Client().get("/api/v1/metrics", {"name": name})
    assert answer.status_code == status
    assert not answer.json().get("directories")
    page("/", q=name)
    page("/exporters/redis/metrics", q=name)


def test_hostile_names_and_texts_are_published_and_shown_as_text(published: Hub) -> None:
    markup = "<script>alert(1)</script>"
    sample = f"# HELP kafka_a {markup}\u202e\n# TYPE kafka_a gauge\nkafka_a 1\n"
    sample += f'# TYPE "{markup}" gauge\n{{"{markup}"}} 1\n'
    long = "x" * 198  # the names of their patterns differ only after 210 characters
    expressions = [
        *(f'{{__name__=~"{long}{end}"}}' for end in ("a.", "b.")),
        *('{"{__name__=~\\"y.\\"}"}', '{__name__=~"y."}'),  # these are shown alike
    ]
    rules = "".join(f"  - {{alert: A, expr: '{each}'}}\n" for each in expressions)
    rules += f"  - {{alert: \"{markup}\\0\", expr: 'kafka_a'}}\n"
    rules += "".join(f"  - {{record: {long * 2}{end}, expr: up}}\n" for end in "ab")
    published.write("Kafka/metrics.txt", sample.encode())
    published.write("Kafka/alert.yaml", f"groups:\n- name: a\n  rules:\n{rules}".encode())
    published.refresh()
    assert verdicts("kafka")["kafka_a"] == "exported"
    assert verdicts("kafka")['{__name__=~"y."}'] == "not in the sample"
    for path in ("/exporters/kafka/metrics", "/exporters/kafka/alerts", "/?q=kafka_a"):
        assert markup not in Client().get(path).content.decode()
