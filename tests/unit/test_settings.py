"""Every setting is documented and reaches the containers."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.common.processes import ROOT

COMPOSE_SETS = {"DATABASE_URL", "REDIS_URL"}
MAKE_RUN_ONLY = {"HUB_DATA_DIR", "HUB_PORT"}
DEVELOPMENT_ONLY = {"HUB_DEBUG", "HUB_DEMO", "FAKEGITHUB_TOKEN"}

COMPOSE = (ROOT / "docker-compose.yml").read_text()


def _read(path: str) -> str:
    return (ROOT / path).read_text()


def _names_in_calls(file: Path, *functions: str) -> set[str]:
    """The names that a module reads: the first argument of calls such as `env.int("NAME")`."""
    return {
        call.args[0].value
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call)
        and any(re.fullmatch(function, ast.unparse(call.func)) for function in functions)
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def read_settings() -> set[str]:
    """What the settings, the programs of the hub, the entrypoint and Compose read."""
    names = _names_in_calls(ROOT / "config" / "settings.py", r"env\.\w+")
    linter = ROOT / "hub" / "lint"  # has no settings: docs/lint.md documents what it reads
    for file in set((ROOT / "hub").rglob("*.py")) - set(linter.rglob("*.py")):
        names |= _names_in_calls(file, r"os\.environ\.get", r"os\.getenv")
    for text in (_read("docker/entrypoint.sh"), COMPOSE):
        names |= set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", text))
    return names


def documented_settings() -> set[str]:
    """The names in the first column of the tables of docs/settings.md."""
    rows = re.findall(r"^\| (`.*?) \|", _read("docs/settings.md"), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def hub_services() -> dict[str, dict[str, Any]]:
    """The services that run the hub's image."""
    services = yaml.safe_load(COMPOSE)["services"]
    return {name: service for name, service in services.items() if "build" in service}


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    assert len(documented_settings()) > 30
    assert documented_settings() == read_settings()


def test_the_template_of_the_containers_settings_names_each() -> None:
    template = re.findall(r"^#?([A-Z_]+)=", _read("docker/hub.env.example"), re.MULTILINE)
    assert len(template) == len(set(template))
    other = COMPOSE_SETS | MAKE_RUN_ONLY | DEVELOPMENT_ONLY
    assert set(template) == documented_settings() - other


@pytest.mark.parametrize("name", ["migrate", "web", "worker", "beat", "flower"])
def test_every_setting_reaches_each_container(name: str) -> None:
    service = hub_services()[name]
    assert service["env_file"] == ".env"
    for variable, value in service["environment"].items():  # which wins over the file
        assert variable in COMPOSE_SETS or value.startswith(f"${{{variable}:?")


def test_no_other_service_gets_the_hubs_settings() -> None:
    assert set(hub_services()) == {"migrate", "web", "worker", "beat", "flower"}
    others = yaml.safe_load(COMPOSE)["services"].keys() - hub_services().keys()
    assert others == {"postgres", "redis"}
    assert all("env_file" not in yaml.safe_load(COMPOSE)["services"][name] for name in others)
