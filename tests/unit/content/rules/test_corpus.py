"""Limits on the cost of damaged and malicious files.

The tests measure CPU time and the peak memory of a separate process, which do not depend on the
load of the machine.
"""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.unit.content.rules import corpus

MOST_TIMES_ORDINARY = 6  # as expensive as an ordinary file with 20,000 alerts
MOST_MEMORY = 200 * 1024 * 1024  # bytes
MOST_KEPT = 5 * 1024 * 1024  # characters of a report in Postgres


@pytest.fixture(scope="module")
def costs() -> list[dict[str, Any]]:
    """Return the cost of judging each file of the corpus. Fails if one of them ends the process."""
    run = subprocess.run(
        [sys.executable, "-m", corpus.__name__],
        cwd=corpus.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    said = [json.loads(line) for line in run.stdout.splitlines()]
    costs = [each for each in said if "seconds" in each]
    assert run.returncode == 0, f"ended by {said[-1:]}: {run.stderr[-2000:]}"
    assert len(costs) == len(said) / 2, f"raised by {said[-1]}: {run.stderr[-2000:]}"
    return costs


def test_every_real_file_is_in_it(costs: list[dict[str, Any]]) -> None:
    files = {path for path, _ in corpus.real_files()}
    assert len(files) > 100
    assert files <= {each["name"].rpartition(": ")[0] for each in costs}


def test_no_file_takes_too_long(costs: list[dict[str, Any]]) -> None:
    ordinary = next(each["seconds"] for each in costs if each["name"] == "20,000 alerts")
    most = MOST_TIMES_ORDINARY * ordinary
    assert [each for each in costs if each["seconds"] >= most] == []


def test_memory_is_limited(costs: list[dict[str, Any]]) -> None:
    # The peak never decreases, so the last value is the maximum.
    assert costs[-1]["grown"] < MOST_MEMORY


def test_nothing_wrong_goes_unnoticed(costs: list[dict[str, Any]]) -> None:
    assert [each["name"] for each in costs if each["unnoticed"]] == []


def test_no_report_is_much_larger_than_its_file(costs: list[dict[str, Any]]) -> None:
    assert [each for each in costs if each["kept"] > MOST_KEPT] == []


def test_nothing_is_found_that_postgres_cannot_keep(costs: list[dict[str, Any]]) -> None:
    assert [each["name"] for each in costs if not each["keepable"]] == []
