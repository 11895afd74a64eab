"""The table of what was injected: on the terminal, as JSON, and in the docs."""

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from tests.common.processes import ROOT
from tests.faults.checker import LOST, STUCK, WRONG
from tests.faults.runner import Injection, Suite

LATEST = ROOT / "tests" / "faults" / "results" / "latest.json"
DOCUMENT = ROOT / "docs" / "faults.md"
_VERDICTS = (LOST, WRONG, STUCK)
_BEGIN = "<!-- the table: written by `make faults` -->\n"
_END = "<!-- end of the table -->\n"
_PACKAGES = ("django", "celery", "kombu", "redis", "django-celery-beat", "psycopg2-binary")


def rows(injections: Iterable[Injection]) -> list[dict[str, Any]]:
    """A row for each kind that was injected, in the order of their names."""
    by_kind: dict[str, list[Injection]] = {}
    for injection in injections:
        by_kind.setdefault(injection.kind.name, []).append(injection)
    return [_row(name, by_kind[name]) for name in sorted(by_kind, key=str.casefold)]


def _row(name: str, injections: list[Injection]) -> dict[str, Any]:
    recoveries = [i.recovery for i in injections if i.recovery is not None]
    verdicts = [finding.verdict for i in injections for finding in i.findings]
    return {
        "fault": name,
        "times": len(injections),
        "seconds": round(sum(i.window.recovered - i.window.start for i in injections), 1),
        "requests": sum(i.requests for i in injections),
        "errors": sum(i.errors for i in injections),
        **{verdict: verdicts.count(verdict) for verdict in _VERDICTS},
        "recovery_median": round(statistics.median(recoveries), 1) if recoveries else None,
        "recovery_max": round(max(recoveries), 1) if recoveries else None,
    }


def report(suite: Suite, *, seconds: float, seed: int) -> dict[str, Any]:
    """All that is kept of a run of the suite, JSON-ready."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": _machine(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "seconds": round(seconds),
        "seed": seed,
        "commits": len(suite.stage.writer.truth.commits),
        "runs": suite.stage.newest_run(),
        "restarts": {
            part.name: part.ended_by_itself
            for part in suite.stage.parts.values()
            if part.ended_by_itself
        },
        "injected": len(suite.injections),
        "verdicts": {verdict: suite.verdicts[verdict] for verdict in _VERDICTS},
        "faults": rows(suite.injections),
        "findings": [vars(finding) for finding in suite.findings],
    }


def _commit() -> str:
    """The commit of this checkout, marked when files differ from it; "" outside of git."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip()


def _machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 2**30
    return f"{cores} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}"


def closing_line(verdicts: Mapping[str, int], injected: int) -> str:
    """The last line, which other programs may read."""
    return (
        f"faults: {injected} injected, {verdicts[LOST]} lost, {verdicts[WRONG]} wrong, "
        f"{verdicts[STUCK]} stuck"
    )


def show(console: Console, kept: Mapping[str, Any]) -> None:
    """The table on the terminal."""
    table = Table()
    table.add_column("fault", no_wrap=True)
    for column in ("times", "requests", "errors", *_VERDICTS, "recovery", "longest"):
        table.add_column(column, justify="right")
    for row in kept["faults"]:
        bad = any(row[verdict] for verdict in _VERDICTS)
        table.add_row(*_cells(row), style="bold red" if bad else None)
    console.print(table)


def _cells(row: Mapping[str, Any]) -> list[str]:
    counts = [f"{row[name]:,}" for name in ("times", "requests", "errors", *_VERDICTS)]
    seconds = [
        "–" if row[name] is None else f"{row[name]:.1f} s"
        for name in ("recovery_median", "recovery_max")
    ]
    return [row["fault"], *counts, *seconds]


def _restarts(by_part: Mapping[str, int]) -> str:
    """What ended without having been killed, as a worker may that loses Redis."""
    parts = ", ".join(f"{part} {times}×" for part, times in by_part.items())
    return f"Ended by themselves and were started again, as a supervisor does: {parts or 'none'}."


def keep(kept: Mapping[str, Any], file: Path = LATEST) -> None:
    """Write the JSON, and the table into the docs."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    before, _, rest = DOCUMENT.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    DOCUMENT.write_text(before + _BEGIN + markdown(kept) + _END + after)


def markdown(kept: Mapping[str, Any]) -> str:
    """The table and what it was measured on."""
    versions = ", ".join(f"{name} {version}" for name, version in kept["versions"].items())
    lines = [
        f"`{closing_line(kept['verdicts'], kept['injected'])}`",
        "",
        f"Measured on {kept['date'][:10]} at commit `{kept['commit']}` on {kept['machine']}, "
        f"Python {kept['python']}, {versions}: {kept['seconds'] / 60:.0f} minutes, "
        f"{kept['runs']:,} runs over {kept['commits']:,} commits. {_restarts(kept['restarts'])}",
        "",
        "| Fault | Times | Reads | Errors | Lost | Wrong | Stuck | Recovery, median | longest |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        *(f"| {' | '.join(_cells(row))} |" for row in kept["faults"]),
    ]
    return "\n".join(lines) + "\n"
