"""Numbers on the command line: a wrong one is a usage error that names the limits."""

import subprocess
import sys

import pytest

from tests.common.processes import ROOT

FAKE_GITHUB = (sys.executable, "manage.py", "fakegithub", "hub/demo/sample")
FORMER_NAME = (sys.executable, "manage.py", "smallgithub", "hub/demo/sample")
SERVER = (sys.executable, "-m", "config.server")


@pytest.mark.parametrize(
    ("command", "option", "value", "said"),
    [
        (FAKE_GITHUB, "--port", "211113", "'211113' is not a whole number from 0 to 65535"),
        (FORMER_NAME, "--port", "211113", "'211113' is not a whole number from 0 to 65535"),
        (FAKE_GITHUB, "--port", "-1", "'-1' is not a whole number from 0 to 65535"),
        (FAKE_GITHUB, "--port", "http", "'http' is not a whole number from 0 to 65535"),
        (FAKE_GITHUB, "--hour", "59", "'59' is not a whole number of at least 60"),
        (FAKE_GITHUB, "--fail-rate", "1.5", "'1.5' is not a number from 0 to 1"),
        (FAKE_GITHUB, "--latency", "nan", "'nan' is not a number from 0 to 3600"),
        (FAKE_GITHUB, "--rate-limit", "1e3", "'1e3' is not a whole number of at least 0"),
        (SERVER, "--port", "65536", "'65536' is not a whole number from 0 to 65535"),
        (SERVER, "--workers", "0", "'0' is not a whole number of at least 1"),
    ],
)
def test_a_number_outside_its_limits_is_a_usage_error(
    command: tuple[str, ...], option: str, value: str, said: str
) -> None:
    done = subprocess.run(
        [*command, f"{option}={value}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.endswith(f"error: argument {option}: {said}\n")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "GITHUB_API_URL"])
@pytest.mark.parametrize("port", ["211113", "http"])
def test_a_url_with_a_wrong_port_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, port: str
) -> None:
    monkeypatch.setenv(name, f"https://user:hidden@127.0.0.1:{port}/x")  # pragma: allowlist secret
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f'Environment variable "{name}" invalid' in done.stderr
    assert "Its port is not a number up to 65535" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hidden" not in done.stderr
