"""A real Prometheus with the hub's alerting rules, in a temporary folder."""

import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from hub.ops.local.ports import free_port
from tests.common.processes import ROOT
from tests.common.waiting import wait_until

CONTENT = ROOT / "monitoring" / "exporter-hub"
RULES = CONTENT / "exporter-hub_alerts.yaml"
# The drill would take an hour with the intervals of the rules: pattern → its replacement.
_SHORTER = {
    r"\bfor: \d+m": "for: 1s",
    r"\[(?:5|15)m\]": "[10s]",
    r"(beat_last_tick_timestamp_seconds\)) > 120": r"\1 > 10",
}


def missing_programs() -> list[str]:
    """Return the programs that the drill needs and that are not installed."""
    return [name for name in ("prometheus", "promtool") if shutil.which(name) is None]


def check_rules() -> None:
    """Have promtool check the rules and run their unit tests."""
    for command in (["check", "rules", str(RULES)], ["test", "rules", "exporter-hub_test.yaml"]):
        subprocess.run(["promtool", *command], cwd=CONTENT, check=True)


def check_configurations() -> None:
    """Have promtool check the configurations for Compose's profile `monitoring` and `make run`."""
    with tempfile.TemporaryDirectory(prefix="hub-drill-") as folder:
        for file in (ROOT / "docker" / "monitoring" / "prometheus.yml", RULES):
            shutil.copy(file, folder)
        for name in (f"{folder}/prometheus.yml", f"{CONTENT.parent}/prometheus.yml"):
            subprocess.run(["promtool", "check", "config", name], check=True)


def check_metrics(text: str) -> None:
    """Have promtool check the names, types and help texts of a scrape."""
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert not done.returncode, said
    assert not said, said


def shorter(rules: str) -> str:
    """Return the rules with intervals of seconds."""
    for pattern, replacement in _SHORTER.items():
        rules, number = re.subn(pattern, replacement, rules)
        assert number, f"the rules do not contain {pattern}"
    return rules


class Prometheus:
    """A context manager that scrapes `targets` (name → port) every second."""

    def __init__(self, targets: Mapping[str, int]) -> None:
        self._targets = targets
        self._url = f"http://127.0.0.1:{free_port()}"
        self._stack = contextlib.ExitStack()
        self._opener = build_opener(ProxyHandler({}))

    def __enter__(self) -> Self:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="hub-drill-")))
        (folder / "rules.yaml").write_text(shorter(RULES.read_text()))
        second = {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "1s"}
        addresses = [
            {"targets": [f"127.0.0.1:{port}"], "labels": {"process": name}}
            for name, port in self._targets.items()
        ]
        config = {
            "global": second,
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{"job_name": "exporter-hub", "static_configs": addresses}],
        }
        (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={self._url.removeprefix('http://')}",
                "--log.level=warn",
            ],
            stdout=sys.stderr,
            start_new_session=True,
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.terminate)
        wait_until(self._is_ready, "Prometheus to be ready", seconds=60)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        alerts = self._get("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def scraped(self) -> int:
        """Return the number of targets whose last scrape succeeded."""
        targets = self._get("targets")["activeTargets"]
        return sum(target["health"] == "up" for target in targets)

    def has_data(self, expression: str, since: float, until: float) -> bool:
        """Return whether a query had a result at any time."""
        values = {"query": expression, "start": since, "end": until, "step": 2}
        return bool(self._get("query_range", values)["result"])

    def _is_ready(self) -> bool:
        try:
            self._opener.open(f"{self._url}/-/ready", timeout=5).close()
        except URLError:
            return False
        return True

    def _get(self, path: str, values: Mapping[str, Any] | None = None) -> Any:
        url = f"{self._url}/api/v1/{path}?{urlencode(values or {})}"
        with self._opener.open(url, timeout=30) as response:
            return json.load(response)["data"]
