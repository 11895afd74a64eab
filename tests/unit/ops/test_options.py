"""Numbers on the command line: a wrong one is a usage error that names the limits."""

import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from tests.common.processes import ROOT

FAKE_GITHUB = (sys.executable, "manage.py", "fakegithub", "hub/demo/sample")
FORMER_NAME = (sys.executable, "manage.py", "smallgithub", "hub/demo/sample")
SERVER = (sys.executable, "-m", "config.server")


@pytest.mark.parametrize(
    ("command", "option", "value", "said"),
    [
        (FAKE_GITHUB, "--port", "211113", "'211113' is not a whole number from 0 to 65535"),
        (FORMER_NAME, "--port", "211113", "'211113' is not a whole number from 0 to 65535"),
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


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--port", "-1", "'-1' is not a whole number from 0 to 65535"),
        ("--port", "http", "'http' is not a whole number from 0 to 65535"),
        ("--hour", "59", "'59' is not a whole number of at least 60"),
        ("--fail-rate", "1.5", "'1.5' is not a number from 0 to 1"),
        ("--latency", "nan", "'nan' is not a number from 0 to 3600"),
        ("--rate-limit", "1e3", "'1e3' is not a whole number of at least 0"),
    ],
)
def test_each_number_of_the_fake_github_has_limits(option: str, value: str, said: str) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("fakegithub", "hub/demo/sample", f"{option}={value}")
    assert str(refusal.value) == f"Error: argument {option}: {said}"
