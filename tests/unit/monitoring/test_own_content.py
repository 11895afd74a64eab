"""monitoring/exporter-hub: the hub accepts its own content, and each alert has a runbook."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from hub.content.rules.report import Level
from hub.lint.directories import judge_on_disk
from hub.monitoring import PORT_OFFSETS
from hub.ops.local.ports import ports_from
from tests.checks.commands import fences
from tests.common.processes import ROOT

FOLDER = ROOT / "monitoring" / "exporter-hub"
RUNBOOKS = ROOT / "docs" / "runbooks"
RULES = yaml.safe_load((FOLDER / "exporter-hub_alerts.yaml").read_text())["groups"][0]["rules"]
ALERTS: dict[str, Any] = {rule["alert"]: rule for rule in RULES}
METRICS = set(
    re.findall(r"^\| `(exporterhub_\w+)", (ROOT / "docs/monitoring.md").read_text(), re.M)
)


def test_the_hub_accepts_its_own_content() -> None:
    judged = judge_on_disk(FOLDER).judgement
    assert [finding for finding in judged.findings if finding.level != Level.NOTE] == []
    assert (judged.usable("A"), judged.usable("G")) == (True, True)
    assert judged.fit.checked == judged.fit.fitting > 25
    assert {sample.path for sample in judged.fit.samples} == {
        f"{process}_sample_metrics.txt" for process in ("web", "worker", "beat")
    }


def test_the_samples_contain_each_documented_metric() -> None:
    families = {
        name
        for sample in FOLDER.glob("*_sample_metrics.txt")
        for name in re.findall(r"^# TYPE (exporterhub_\w+)", sample.read_text(), re.MULTILINE)
    }
    assert families == METRICS


def test_rules_and_dashboard_use_only_metrics_that_exist() -> None:
    for file in (
        "exporter-hub_alerts.yaml",
        "exporter-hub_dashboard.json",
        "exporter-hub_test.yaml",
    ):
        used = set(re.findall(r"exporterhub_\w+", (FOLDER / file).read_text()))
        suffixed = {re.sub("_(?:bucket|sum|count)$", "", name) for name in used}
        assert suffixed <= METRICS, file


def test_each_alert_is_tested_and_described() -> None:
    tested = (FOLDER / "exporter-hub_test.yaml").read_text()
    described = (FOLDER / "README.md").read_text()
    for alert in ALERTS:
        assert f'alertname="{alert}"' in tested
        assert f"| `{alert}` | {ALERTS[alert]['labels']['severity']} |" in described


def test_each_panel_has_a_place_and_an_id_of_its_own() -> None:
    panels = json.loads((FOLDER / "exporter-hub_dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(panels)


def test_prometheus_watches_the_ports_of_make_run() -> None:
    config = yaml.safe_load((FOLDER.parent / "prometheus.yml").read_text())
    (rules,) = config["rule_files"]
    assert FOLDER.parent / rules == FOLDER / "exporter-hub_alerts.yaml"
    ports = ports_from(8000)
    (job,) = config["scrape_configs"]
    processes = (*PORT_OFFSETS, "worker-2")
    targets = [f"127.0.0.1:{ports[f'metrics of {name}']}" for name in processes]
    assert job["static_configs"] == [{"targets": targets}]


# --- runbooks -------------------------------------------------------------------------------------


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == ALERTS.keys() | {"README"}
    for alert, rule in ALERTS.items():
        assert rule["annotations"]["runbook_url"].endswith(f"/docs/runbooks/{alert}.md")
        text = (RUNBOOKS / f"{alert}.md").read_text()
        assert text.startswith(f"# {alert}\n")
        sections = re.findall(r"^## (.*)\n\n\S", text, re.MULTILINE)
        assert sections == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
        assert f"({alert}.md)" in (RUNBOOKS / "README.md").read_text()
        assert "(README.md#commands)" in text


SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
TARGETS = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield the name of the runbook and the words of each command in it."""
    for path in sorted(RUNBOOKS.glob("*.md")):
        for fence in fences(path.read_text()):
            assert fence.reason, f"{path.name} does not say why no test runs its commands"
            for line in fence.commands.splitlines():
                yield path.stem, shlex.split(line, comments=True)


@pytest.mark.parametrize(("runbook", "words"), [pytest.param(*each) for each in commands()])
def test_each_command_of_a_runbook_exists(runbook: str, words: list[str]) -> None:
    if words[:2] == ["docker", "compose"]:
        services = [word for word in words[3:] if word.partition("=")[0] in SERVICES]
        assert services, f"{words} names no service"
        scaled = next((word for word in services if word.startswith("worker=")), "")
        assert not scaled or int(scaled[7:]) > SERVICES["worker"]["deploy"]["replicas"]
    if "manage.py" in words:
        assert words[words.index("manage.py") + 1] in get_commands()
    if words[0] == "make":
        assert words[1] in TARGETS
    if words[0] == "curl":
        assert Path(words[-1]).name in ("metrics", "readyz")
        assert "--max-time" in words  # a process that hangs never answers
    assert words[0] in (".venv/bin/python", "curl", "df", "docker", "make")


def test_inline_commands_of_the_runbooks_exist() -> None:
    for path in RUNBOOKS.glob("*.md"):
        for command in re.findall(r"`manage\.py (\w+)", path.read_text()):
            assert command in get_commands(), path.name
        for setting in re.findall(r"`((?:HUB|GITHUB)_[A-Z_]+)`", path.read_text()):
            assert f"`{setting}`" in (ROOT / "docs/settings.md").read_text(), path.name
