"""Report of the injected faults: on the terminal, as JSON, and in the docs."""

import json
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.common.processes import ROOT
from tests.common.reports import in_words, measured_on, put_into
from tests.faults.findings import LOST, STUCK, WRONG
from tests.faults.runner import Injection, Suite

LATEST = ROOT / "tests" / "faults" / "results" / "latest.json"
DOCUMENT = ROOT / "docs" / "faults.md"
_VERDICTS = (LOST, WRONG, STUCK)
_COLUMNS = (
    *("Times", "Requests", "Errors", "Lost", "Wrong", "Stuck"),
    *("Recovery, median", "Recovery, maximum"),
)
_PACKAGES = ("django", "celery", "kombu", "redis", "django-celery-beat", "psycopg2-binary")


def rows(injections: Iterable[Injection]) -> list[dict[str, Any]]:
    """Return one row for each injected kind, sorted by name."""
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
    """Return the results of the suite as JSON-serializable values."""
    return {
        **measured_on(_PACKAGES),
        "seconds": round(seconds),
        "seed": seed,
        "commits": len(suite.stage.writer.truth.commits),
        "runs": suite.stage.newest_run(),
        "restarts": {
            part.name: part.unexpected_exits
            for part in suite.stage.parts.values()
            if part.unexpected_exits
        },
        "injected": len(suite.injections),
        "verdicts": {verdict: suite.verdicts[verdict] for verdict in _VERDICTS},
        "faults": rows(suite.injections),
        "findings": [vars(finding) for finding in suite.findings],
    }


def closing_line(verdicts: Mapping[str, int], injected: int) -> str:
    """Return the last line of the output, which other programs may parse."""
    return (
        f"faults: {injected} injected, {verdicts[LOST]} lost, {verdicts[WRONG]} wrong, "
        f"{verdicts[STUCK]} stuck"
    )


def planted_line(planted: Mapping[str, bool]) -> str:
    """Return how many of the planted defects the checker found."""
    return f"planted defects: {sum(planted.values())} of {len(planted)} found"


def show(console: Console, results: Mapping[str, Any]) -> None:
    """Print the table."""
    table = Table()
    table.add_column("Fault", no_wrap=True)
    for column in _COLUMNS:
        table.add_column(column, justify="right")
    for row in results["faults"]:
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
    """Describe unexpected restarts: a worker may exit, for example, when it loses Redis."""
    parts = ", ".join(f"{part} {times}×" for part, times in by_part.items())
    return f"Processes that exited unexpectedly and were restarted: {parts or 'none'}."


def save(results: dict[str, Any], file: Path = LATEST) -> None:
    """Write the JSON file, and the table in the docs."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    put_into(DOCUMENT, "the table", markdown(results))


def markdown(results: dict[str, Any]) -> str:
    """Return the table and a description of the machine as Markdown."""
    lines = [
        f"`{closing_line(results['verdicts'], results['injected'])}`",
        "",
        f"`{planted_line(results['planted'])}`",
        "",
        f"{in_words(results)}. The suite took {results['seconds'] / 60:.0f} minutes, with "
        f"{results['runs']:,} runs and {results['commits']:,} commits. "
        f"{_restarts(results['restarts'])}",
        "",
        f"| {' | '.join(('Fault', *_COLUMNS))} |",
        f"|---|{'--:|' * len(_COLUMNS)}",
        *(f"| {' | '.join(_cells(row))} |" for row in results["faults"]),
    ]
    return "\n".join(lines) + "\n"
