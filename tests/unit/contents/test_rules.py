"""The rules of kinds: from paths alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.contents.rules import kinds_of


def letters(*paths: str) -> str:
    """The kinds among `paths` as a string such as "IA"."""
    return "".join(letter for letter, files in kinds_of(paths).evidence().items() if files)


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        # charts, values and manifests
        ("helm-chart/Chart.yaml", "I"),
        ("helm/Chart.yaml", "I"),
        ("cost-analyzer/Chart.yaml", "I"),
        ("nc/v1.2.3/helm_chart/Chart.yaml", "I"),
        ("Ceph_helm.yaml", "I"),
        ("Ceph_helm.yml", "I"),
        ("nc/0.4.0/vaules-nc.yaml", "I"),
        ("kubernetes/redis-deployment.yaml", "I"),
        ("Ceph_helm.md", ""),
        ("Ceph_helm.json", ""),
        # alerting rules
        ("Ceph_alert.yaml", "A"),
        ("nc/v1.3.1/Kafka_Exporter_alerts.yml", "A"),
        ("alert-rules.yaml", "A"),
        ("Redis_Alerting.yaml", "A"),
        ("Ceph_alert.md", ""),
        ("Redis_recording_rules.yaml", ""),
        ("helm-chart/templates/prometheusrule.yaml", ""),
        ("helm-chart/template/alert.yaml", ""),
        # dashboards
        ("RabbitMQ/rabbitmq-overview_dashboard.json", "G"),
        ("nc/v1.3.1/Kafka_Exporter_dasboard.json", "G"),
        ("MySQL_grafana.json", "G"),
        ("Node-Dashboard.json", "G"),
        ("grafana/overview.json", ""),
        ("Kafka_Exporter_dasboard.md", ""),
        # nothing at all
        ("README.md", ""),
        ("images/Screen Shot 2021.png", ""),
        ("package.json", ""),
        (".github/workflows/ci.yaml", ""),
    ],
)
def test_one_path(path: str, kinds: str) -> None:
    assert letters(path) == kinds


def test_a_chart_ships_its_dashboards_in_its_root() -> None:
    assert letters("chart/Chart.yaml", "chart/pod-utilization.json") == "IG"
    assert letters("chart/Chart.yaml", "chart/values.schema.json") == "I"
    assert letters("chart/Chart.yaml", "chart/files/data.json") == "I"


def test_evidence_is_sorted_and_keeps_the_paths_as_they_are() -> None:
    kinds = kinds_of(["B_ALERT.yaml", "A_Alert.YAML"])
    assert kinds.alerts == ("A_Alert.YAML", "B_ALERT.yaml")


@given(st.lists(st.text(min_size=1, max_size=60), max_size=20))
def test_any_path_is_judged_and_evidence_is_among_the_paths(paths: list[str]) -> None:
    kinds = kinds_of(paths)
    assert set(kinds.iac + kinds.alerts + kinds.dashboard) <= set(paths)
    assert kinds == kinds_of(reversed(paths))
