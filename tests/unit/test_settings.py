"""Every setting is documented, reaches the containers and refuses values that it cannot use."""

import ast
import os
import re
import runpy
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from environs import EnvError

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
    assert others == {"postgres", "redis", "prometheus", "grafana"}
    assert all("env_file" not in yaml.safe_load(COMPOSE)["services"][name] for name in others)


def run_settings() -> dict[str, Any]:
    """Return what the settings are with the environment as it is now."""
    return runpy.run_path(str(SETTINGS))


@pytest.mark.parametrize("name", ["REDIS_URL", "BROKER_URL"])
@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("redis://:a@host/1", "redis://:a@host/1"),
        ("rediss://host", "rediss://host?ssl_cert_reqs=required"),
        ("rediss://u:p@host/0?a=b", "rediss://u:p@host/0?a=b&ssl_cert_reqs=required"),
        ("rediss://host?ssl_cert_reqs=none", "rediss://host?ssl_cert_reqs=none"),
    ],
)
def test_certificates_of_redis_are_verified_unless_the_url_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str, used: str
) -> None:
    monkeypatch.setenv(name, url)
    assert run_settings()["CELERY_BROKER_URL"] == used


def test_the_broker_and_the_results_may_have_different_servers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    redis_only = run_settings()
    assert redis_only["CELERY_BROKER_URL"] == redis_only["CELERY_RESULT_BACKEND"]
    assert "visibility_timeout" in redis_only["CELERY_BROKER_TRANSPORT_OPTIONS"]
    for url, tls in (("amqp://u:p@host/v", None), ("amqps://host", {"server_hostname": None})):
        monkeypatch.setenv("BROKER_URL", url)
        both = run_settings()
        assert both["CELERY_BROKER_URL"] == url
        assert both["CELERY_BROKER_TRANSPORT_OPTIONS"] == {"confirm_publish": True}
        assert both.get("CELERY_BROKER_USE_SSL") == tls
        for name in ("REDIS_URL", "CELERY_RESULT_BACKEND"):
            assert both[name] == redis_only["REDIS_URL"]


@pytest.mark.parametrize(
    ("name", "url", "reason"),
    [
        ("REDIS_URL", "amqp://host", "Set another broker in BROKER_URL"),
        ("REDIS_URL", "sentinel://host:26379", "the address of a proxy that follows the primary"),
        ("BROKER_URL", "sentinel://host:26379", "the address of a proxy that follows the primary"),
        ("BROKER_URL", "sqs://host", "redis://, rediss://, amqp://, amqps://"),
        ("REDIS_URL", "rediss://host?ssl_cert_reqs=CERT_REQUIRED", "required, optional or none"),
    ],
)
def test_other_brokers_are_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str, reason: str
) -> None:
    assert reason in refusal(monkeypatch, name, url)


@pytest.mark.parametrize(
    "command",
    [
        "manage.py migrate",
        "-m config.server --port 1",
        "-m celery --app config worker",
        "-m celery --app config beat",
        "-m celery --app config flower --conf=config/flowerconfig.py",
    ],
)
def test_every_process_explains_an_invalid_setting_without_a_traceback(command: str) -> None:
    done = subprocess.run(
        [sys.executable, *command.split()],
        cwd=ROOT,
        env=os.environ | {"REDIS_URL": "sentinel://host:26379"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    reason, advice = done.stderr.splitlines()
    assert reason.startswith('Environment variable "REDIS_URL" invalid: ')
    assert "For Redis Sentinel, give the address of a proxy" in reason
    assert advice.startswith("Set the variable (see docs/settings.md)")


SETTINGS = ROOT / "config" / "settings.py"
NUMBERS = sorted(_names_in_calls(SETTINGS, r"env\.(int|float)"))


def refusal(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    """Return the message with which the settings refuse a value."""
    monkeypatch.setenv(name, value)
    with pytest.raises(EnvError) as refused:
        runpy.run_path(str(SETTINGS))
    return str(refused.value)


@pytest.mark.parametrize("name", NUMBERS)
def test_each_number_has_bounds_that_its_use_can_bear(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for value in ("-1", "9" * 12, "9" * 400, "nan", "inf", "-inf", "1e300", "many", ""):
        said = refusal(monkeypatch, name, value)
        assert said.startswith(f'Environment variable "{name}" '), value
    bounds = refusal(monkeypatch, name, "9" * 12)
    most = re.search(r"less than or equal to ([0-9]+)", bounds)
    assert most, bounds
    monkeypatch.setenv(name, most[1])
    durations = [v for v in runpy.run_path(str(SETTINGS)).values() if isinstance(v, timedelta)]
    assert durations
    for duration in durations:
        assert datetime.now(UTC) - duration < datetime.now(UTC) + 2 * duration


@pytest.mark.parametrize("name", ["GITHUB_CONNECT_TIMEOUT", "GITHUB_READ_TIMEOUT"])
def test_a_timeout_of_zero_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert "greater than 0" in refusal(monkeypatch, name, "0")


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("DATABASE_URL", "postgres"), ("REDIS_URL", "redis"), ("GITHUB_API_URL", "https")],
)
@pytest.mark.parametrize(
    "value",
    [
        "foo",
        "",
        "host:80",
        "//host",
        "{0}:",
        "{0}://",
        "{0}:///x",
        "{0}://:80",
        "ftp://host",
        "{0}://a b",
        "{0}://user:hidden@host:211113/x",  # pragma: allowlist secret
        "{0}://user:hidden@host:http/x",  # pragma: allowlist secret
    ],
)
def test_each_url_needs_a_scheme_and_a_host(
    monkeypatch: pytest.MonkeyPatch, name: str, scheme: str, value: str
) -> None:
    said = refusal(monkeypatch, name, value.format(scheme))
    assert said.startswith(f'Environment variable "{name}" ')
    assert f"such as {scheme}://HOST" in said or "Its port is not a number" in said
    assert "hidden" not in said


@pytest.mark.parametrize(
    "value", ["8005", ":8005", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "::1:x", "a:65533", "a:²"]
)
def test_an_address_for_metrics_that_cannot_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    said = refusal(monkeypatch, "HUB_METRICS_ADDR", value)
    assert "Give HOST:PORT" in said


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("", None),
        ("10.0.0.1:9100", ("10.0.0.1", 9100)),
        ("[::1]:8005", ("::1", 8005)),
        (None, ("127.0.0.1", 8005)),
    ],
)
def test_metrics_are_served_on_loopback_by_default(
    monkeypatch: pytest.MonkeyPatch, value: str | None, address: tuple[str, int] | None
) -> None:
    monkeypatch.delenv("HUB_METRICS_ADDR")
    if value is not None:
        monkeypatch.setenv("HUB_METRICS_ADDR", value)
    assert runpy.run_path(str(SETTINGS))["METRICS_ADDR"] == address
