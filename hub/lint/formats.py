"""Write judged directories as text, JSON, SARIF or GitHub's workflow commands."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from hub import VERSION
from hub.content.kinds import KINDS
from hub.content.rules.report import About, Finding, Level
from hub.github.git_objects import storable_name
from hub.lint.directories import JudgedDirectory

_COLOURS = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "cyan"}
_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}
_RULES = {
    About.FILE: "The file can be read and parsed",
    About.ALERTS: "Prometheus would load the alerting rules",
    About.DASHBOARD: "Grafana would show the dashboard",
    About.MANIFEST: "Kubernetes would accept the manifests",
    About.CHART: "Helm would accept the chart",
    About.METRICS: "The sample contains the metrics that the content uses",
}
_HELP = "docs/contents.md of Exporter Hub describes when content is usable."


def as_lines(directories: Sequence[JudgedDirectory]) -> str:
    """Return a line for each finding, and a summary, with colours for a terminal."""
    lines = [
        f"{click.style(_visible(str(path)), bold=True)}:{finding.line}: "
        f"{click.style(finding.level, fg=_COLOURS[finding.level])}: {_visible(finding.reason)}"
        for path, finding in _findings(directories)
    ]
    return "\n".join([*lines, _summary(directories)])


def as_json(directories: Sequence[JudgedDirectory]) -> str:
    """Return the directories as the hub's API returns them, with their path on disk."""
    found = [
        {
            "directory": each.name,
            "path": storable_name(str(each.path)),
            **{kind.letter: each.judgement.present(kind.letter) for kind in KINDS},
            "usable": {kind.letter: each.judgement.usable(kind.letter) for kind in KINDS},
            "evidence": each.judgement.evidence(),
            "findings": [vars(finding) for finding in each.judgement.findings],
        }
        for each in directories
    ]
    return json.dumps({"version": VERSION, "directories": found}, indent=2)


def as_sarif(directories: Sequence[JudgedDirectory]) -> str:
    """Return a SARIF 2.1.0 log, for GitHub's code scanning and other tools."""
    rules = [_sarif_rule(about) for about in About]
    driver = {"name": "exporterhub", "semanticVersion": VERSION, "rules": rules}
    results = [_sarif_result(path, finding) for path, finding in _findings(directories)]
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return json.dumps(log, indent=2)


def _sarif_rule(about: About) -> dict[str, Any]:
    """Return a rule with the descriptions that GitHub requires."""
    return {
        "id": about,
        "shortDescription": {"text": _RULES[about]},
        "fullDescription": {"text": f"{_RULES[about]}."},
        "help": {"text": _HELP},
    }


def _sarif_result(path: Path, finding: Finding) -> dict[str, Any]:
    uri = path.as_uri() if path.is_absolute() else quote(os.fsencode(path))
    location = {"artifactLocation": {"uri": uri}, "region": {"startLine": finding.line}}
    result = {
        "ruleId": finding.about,
        "level": finding.level,
        "message": {"text": finding.reason},
        "locations": [{"physicalLocation": location}],
    }
    return result | {"properties": {"needs": finding.needs}} if finding.needs else result


def as_github(directories: Sequence[JudgedDirectory]) -> str:
    """Return a workflow command for each finding, which GitHub shows beside the line."""
    lines = [
        f"::{_COMMANDS[finding.level]} file={_property(path)},line={finding.line}::"
        f"{_data(f'{path}:{finding.line}: {finding.reason}')}"
        for path, finding in _findings(directories)
    ]
    return "\n".join([*lines, _summary(directories)])


def _data(text: str) -> str:
    """Escape a message as `escapeData` of GitHub's @actions/core does."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return _visible(text)


def _property(path: Path) -> str:
    """Escape a property as `escapeProperty` of GitHub's @actions/core does."""
    return _data(str(path)).replace(":", "%3A").replace(",", "%2C")


def _visible(text: str) -> str:
    r"""Escape characters that change a terminal, a log or the order of the text.

    >>> _visible("a\nb\x1b[1m")
    'a\\nb\\x1b[1m'
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _findings(directories: Sequence[JudgedDirectory]) -> Iterator[tuple[Path, Finding]]:
    """Yield the path from the command line on, and the finding."""
    for each in directories:
        for finding in each.judgement.findings:
            yield each.path / finding.path, finding


def _summary(directories: Sequence[JudgedDirectory]) -> str:
    levels = Counter(finding.level for _, finding in _findings(directories))
    counts = ", ".join(_count(levels[level], level) for level in Level if levels[level])
    names = _count(len(directories), "directory", "directories")
    files = _count(sum(each.files for each in directories), "file")
    return f"{names}, {files}: {counts or 'no findings'}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


FORMATS: dict[str, Callable[[Sequence[JudgedDirectory]], str]] = {
    "text": as_lines,
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
}
