"""Real directories, judged by what is in their files."""

import json
from pathlib import Path

import pytest

from hub.contents.files.judge import judge
from hub.contents.rules import KINDS, Judgement, judge_directory, worth_reading

SAMPLE = Path(__file__).resolve().parents[3] / "hub" / "demo" / "sample"


def judged(directory: Path) -> Judgement:
    """The directory as a lookup would judge it."""
    reports = {}
    for file in directory.rglob("*"):
        if file.is_file():
            path = file.relative_to(directory).as_posix()
            read = worth_reading(path, file.stat().st_size)
            reports[path] = judge(file.read_bytes()) if read else None
    return judge_directory(reports)


def test_every_cell_of_the_real_contents(real_contents: Path) -> None:
    truth = json.loads((real_contents / "truth.json").read_text())
    found = {name: judged(real_contents / "contents" / name) for name in truth}
    wrong = [
        (name, kind)
        for name, said in truth.items()
        for kind in KINDS
        if (found[name].there(kind), found[name].usable(kind)) != (said[kind], said["usable"][kind])
    ]
    assert len(truth) == 11
    assert wrong == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_cell_of_the_sample(kind: str) -> None:
    truth = json.loads((SAMPLE / "truth.json").read_text())
    found = {name: judged(SAMPLE / "contents" / name) for name in truth}
    assert {name: found[name].there(kind) for name in truth} == {
        name: said[kind] for name, said in truth.items()
    }
    assert {name: found[name].usable(kind) for name in truth} == {
        name: said[kind] for name, said in truth.items()
    }
    errors = [
        (name, finding)
        for name, judgement in found.items()
        for finding in judgement.findings
        if finding.level == "error"
    ]
    assert errors == []
