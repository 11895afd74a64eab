"""The formats of `exporterhub lint`: text, JSON, SARIF and GitHub's workflow commands."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

from hub import VERSION
from hub.content.judgement import Judgement
from hub.content.rules.report import About, Finding, Level
from hub.lint.directories import JudgedDirectory
from hub.lint.formats import FORMATS
from tests.common.processes import ROOT

NAMES = [
    "plain.yml",
    "a b,c:d=e%41%0A.yml",
    "new\nline\r.yml",
    "\x1b[31mred\x07.yml",
    "right\u202eto\u2028left.yml",
    "::error::.yml",
    r"caf\udce9.yml",
    "\N{SNOWMAN}.yml",
]
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]")  # except the line feed


@pytest.fixture(scope="module")
def sarif() -> Validator:
    schema = json.loads((ROOT / "tests/data/sarif-2.1.0.json").read_text())
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def judged(*findings: Finding, path: str = "contents/Redis") -> JudgedDirectory:
    kinds = {"Redis_alert.yaml": {"A": False}}
    return JudgedDirectory(Path(path), 2, Judgement(kinds, findings))


def odd_findings() -> list[Finding]:
    return [
        Finding(level, About.ALERTS, number + 1, f"50% of {name}", name)
        for number, name in enumerate(NAMES)
        for level in Level
    ]


ERROR = Finding(Level.ERROR, About.ALERTS, 3, "unknown function: 5% of it", "nc/Redis_alert.yaml")
NOTE = Finding(Level.NOTE, About.CHART, 1, "no templates", ".")


def test_text() -> None:
    assert FORMATS["text"]([judged(ERROR, NOTE), judged()]).replace("\x1b[", "^").split("\n") == [
        "^1mcontents/Redis/nc/Redis_alert.yaml^0m:3: ^31merror^0m: unknown function: 5% of it",
        "^1mcontents/Redis^0m:1: ^36mnote^0m: no templates",
        "2 directories, 4 files: 1 error, 1 note",
    ]
    assert FORMATS["text"]([judged()]) == "1 directory, 2 files: no findings"


def test_json() -> None:
    assert json.loads(FORMATS["json"]([judged(ERROR)])) == {
        "version": VERSION,
        "directories": [
            {
                "directory": "Redis",
                "path": "contents/Redis",
                "I": False,
                "A": True,
                "G": False,
                "usable": {"I": False, "A": False, "G": False},
                "evidence": {"I": [], "A": ["Redis_alert.yaml"], "G": []},
                "findings": [
                    {
                        "level": "error",
                        "about": "alerts",
                        "line": 3,
                        "reason": "unknown function: 5% of it",
                        "path": "nc/Redis_alert.yaml",
                        "needs": "",
                    }
                ],
            }
        ],
    }


def test_github() -> None:
    assert FORMATS["github"]([judged(ERROR, NOTE)]).split("\n") == [
        "::error file=contents/Redis/nc/Redis_alert.yaml,line=3::"
        "contents/Redis/nc/Redis_alert.yaml:3: unknown function: 5%25 of it",
        "::notice file=contents/Redis,line=1::contents/Redis:1: no templates",
        "1 directory, 2 files: 1 error, 1 note",
    ]


def test_sarif(sarif: Validator) -> None:
    log = json.loads(FORMATS["sarif"]([judged(ERROR, NOTE)]))
    sarif.validate(log)
    (run,) = log["runs"]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == set(About)
    assert [(each["ruleId"], each["level"], *location(each)) for each in run["results"]] == [
        ("alerts", "error", "contents/Redis/nc/Redis_alert.yaml", 3),
        ("chart", "note", "contents/Redis", 1),
    ]


def test_the_versions_that_content_needs_are_in_every_format(sarif: Validator) -> None:
    reason, needs = "`query_offset` needs Prometheus 2.53 or newer", "Prometheus >= 2.53"
    directory = judged(Finding(Level.NOTE, About.ALERTS, 3, reason, "a.yaml", needs))
    log = json.loads(FORMATS["sarif"]([directory]))
    sarif.validate(log)
    assert log["runs"][0]["results"][0]["properties"] == {"needs": needs}
    (found,) = json.loads(FORMATS["json"]([directory]))["directories"]
    assert found["findings"][0]["needs"] == needs
    assert all(reason in FORMATS[name]([directory]) for name in ("text", "github"))


def location(result: dict[str, Any]) -> tuple[str, int]:
    (place,) = result["locations"]
    physical = place["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical["region"]["startLine"]


def test_an_absolute_path_is_a_file_uri_in_sarif(sarif: Validator) -> None:
    log = json.loads(FORMATS["sarif"]([judged(ERROR, path="/a b/Redis")]))
    sarif.validate(log)
    assert location(log["runs"][0]["results"][0])[0] == "file:///a%20b/Redis/nc/Redis_alert.yaml"


# --- hostile names --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_no_name_changes_the_terminal_or_adds_a_line(name: str) -> None:
    text = FORMATS[name]([judged(*odd_findings(), path="\x1b[0m\n\udce9/Redis")])
    text.encode()  # no lone surrogate
    without_colours = re.sub(r"\x1b\[(?:0|1|31|33|36)m", "", text) if name == "text" else text
    assert not CONTROL.search(without_colours)
    if name in ("text", "github"):
        assert text.count("\n") == len(odd_findings())


def test_a_runner_of_github_reads_the_names_back() -> None:
    """It unescapes properties and messages in this order, in `ActionCommand.cs`."""
    lines = FORMATS["github"]([judged(*odd_findings())]).split("\n")[:-1]
    assert len(lines) == len(odd_findings())
    for line, finding in zip(lines, odd_findings(), strict=True):
        command = re.fullmatch(r"::(error|warning|notice) file=([^:,]+),line=(\d+)::(.+)", line)
        assert command is not None
        file, message = command[2], command[4]
        for escaped, char in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n")):
            file, message = file.replace(escaped, char), message.replace(escaped, char)
        file, message = file.replace("%25", "%"), message.replace("%25", "%")
        shown = finding.path
        for char in "\x1b\x07\u202e\u2028":
            shown = shown.replace(char, char.encode("unicode_escape").decode())
        assert file == f"contents/Redis/{shown}"
        assert message.endswith(f": 50% of {shown}")


def test_sarif_and_json_keep_the_names(sarif: Validator) -> None:
    log = json.loads(FORMATS["sarif"]([judged(*odd_findings())]))
    sarif.validate(log)
    uris = [unquote(location(result)[0]) for result in log["runs"][0]["results"]]
    assert uris == [f"contents/Redis/{each.path}" for each in odd_findings()]
    (directory,) = json.loads(FORMATS["json"]([judged(*odd_findings())]))["directories"]
    assert directory["findings"] == [vars(each) for each in odd_findings()]
