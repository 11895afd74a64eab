"""The table of what was injected: on the terminal, as JSON, and in the docs."""

import json
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.common.processes import ROOT
from tests.common.reports import in_words, measured_on, put_into
from tests.faults.checker import LOST, STUCK, WRONG
from tests.faults.runner import Injection, Suite

LATEST = ROOT / "tests" / "faults" / "results" / "latest.json"
DOCUMENT = ROOT / "docs" / "faults.md"
_VERDICTS = (LOST, WRONG, STUCK)
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
        **measured_on(_PACKAGES),
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


def keep(kept: dict[str, Any], file: Path = LATEST) -> None:
    """Write the JSON, and the table into the docs."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    put_into(DOCUMENT, "the table", markdown(kept))


def markdown(kept: dict[str, Any]) -> str:
    """The table and what it was measured on."""
    lines = [
        f"`{closing_line(kept['verdicts'], kept['injected'])}`",
        "",
        f"{in_words(kept)}: {kept['seconds'] / 60:.0f} minutes, "
        f"{kept['runs']:,} runs over {kept['commits']:,} commits. {_restarts(kept['restarts'])}",
        "",
        "| Fault | Times | Reads | Errors | Lost | Wrong | Stuck | Recovery, median | longest |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        *(f"| {' | '.join(_cells(row))} |" for row in kept["faults"]),
    ]
    return "\n".join(lines) + "\n"
