"""Tests of cases that were once judged wrongly (`tests/data/judge`)."""

import json
from pathlib import Path
from typing import Any

import pytest

from hub.content.judgement import Judgement, judge_directory, worth_reading
from hub.content.rules.judge import judge

CASES = Path(__file__).parents[2] / "data" / "judge"
TRUTH: dict[str, dict[str, str]] = json.loads((CASES / "truth.json").read_text())
USABLE: dict[str, Any] = {"usable": True, "broken": False, "unknown": None}


def judged(case: str, path: str) -> Judgement:
    """Judge a case as a lookup does."""
    place = CASES / case
    files = {path: place}
    if place.is_dir():
        files = {str(f.relative_to(place)): f for f in place.rglob("*") if f.is_file()}
    reports = {}
    for name, file in files.items():
        data = file.read_bytes()
        reports[name] = judge(data) if worth_reading(name, len(data)) else None
    return judge_directory(reports)


@pytest.mark.parametrize("case", TRUTH)
def test_a_case(case: str) -> None:
    truth = dict(TRUTH[case])
    judgement = judged(case, truth.pop("path", case))
    for letter, right in truth.items():
        assert judgement.present(letter) is (right != "absent"), (letter, judgement)
        if right in USABLE:
            assert judgement.usable(letter) is USABLE[right], (letter, judgement)


@pytest.mark.parametrize(
    "case", [case for case, truth in TRUTH.items() if "broken" in truth.values()]
)
def test_a_broken_case_has_an_error(case: str) -> None:
    findings = judged(case, TRUTH[case].get("path", case)).findings
    assert any(finding.level == "error" for finding in findings), findings


@pytest.mark.parametrize("case", ["github-03-values-with-tpl", "github-03b-values-top-level-rules"])
def test_rules_that_a_chart_renders_are_no_error(case: str) -> None:
    assert [f for f in judged(case, case).findings if f.level != "note"] == []


def test_recording_rules_have_no_warning() -> None:
    assert judged("github-04-recording-rules", "").findings == ()


def test_every_case_is_judged() -> None:
    assert {path.name for path in CASES.iterdir()} - {"README.md", "truth.json"} == TRUTH.keys()
