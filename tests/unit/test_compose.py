"""Compose's profile `monitoring`: what it mounts, scrapes and publishes."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

from config import celery, server
from hub.monitoring.server import PORT_OFFSETS
from tests.common.processes import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
MONITORING = ROOT / "docker" / "monitoring"


def mounted(service: str) -> dict[str, Path]:
    """The project's files that a service gets, by their path in the container."""
    volumes = (volume.split(":") for volume in SERVICES[service]["volumes"])
    return {inside: ROOT / file for file, inside, *_ in volumes if file.startswith("./")}


def test_prometheus_scrapes_each_process_that_serves_metrics() -> None:
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    scraped = {each["names"][0]: each["port"] for each in job["dns_sd_configs"]}
    address = dotenv_values(ROOT / "docker" / "hub.env.example")["HUB_METRICS_ADDR"]
    assert address
    first = int(address.removeprefix("0.0.0.0:"))
    assert scraped == {role: first + offset for role, offset in PORT_OFFSETS.items()}
    assert scraped.keys() <= SERVICES.keys()


def test_ports_are_published_on_loopback_only_and_those_of_metrics_not_at_all() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == 4
    for port in published:
        assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port)
        assert not port.endswith(("8005", "8006", "8007"))


def test_the_rules_and_the_dashboard_are_those_of_the_project() -> None:
    for service in ("prometheus", "grafana"):
        assert SERVICES[service]["profiles"] == ["monitoring"]
        assert all(file.is_file() for file in mounted(service).values())
    content = ROOT / "monitoring" / "exporter-hub"
    files = mounted("prometheus")
    (rules,) = yaml.safe_load((MONITORING / "prometheus.yml").read_text())["rule_files"]
    assert files[f"/etc/prometheus/{rules}"] == content / "exporter-hub_alerts.yaml"
    files = mounted("grafana")
    dashboards = yaml.safe_load((MONITORING / "grafana-dashboards.yml").read_text())
    (provider,) = dashboards["providers"]
    provided = Path(provider["options"]["path"]) / "exporter-hub.json"
    assert files[str(provided)] == content / "exporter-hub_dashboard.json"
    (source,) = yaml.safe_load((MONITORING / "grafana-datasources.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"


def test_grafana_does_not_start_without_a_password() -> None:
    shell, option, script = SERVICES["grafana"]["entrypoint"]
    command = [shell, option, script.replace("$$", "$").replace("/run.sh", "true")]
    for password, code in (("", 2), ("secret", 0)):
        env = os.environ | {"GF_SECURITY_ADMIN_PASSWORD": password}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert ("set GRAFANA_ADMIN_PASSWORD in .env" in done.stderr) is (not password)


def test_the_hub_has_time_to_stop_by_itself() -> None:
    for name in ("web", "worker", "beat", "flower"):
        assert SERVICES[name]["stop_grace_period"] == "15s"
    assert celery._STOP_SECONDS < 15
    assert server.STOP_SECONDS < 12  # of the chart's 15 seconds, 3 pass before SIGTERM


def test_every_volume_is_declared() -> None:
    named = {
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith("./")
    }
    assert named == COMPOSE["volumes"].keys()
