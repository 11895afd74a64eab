"""Report of the benchmark: on the terminal, as JSON, as a chart, and in the docs."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from rich.console import Console
from rich.table import Table

from bench.figures import Figure, Part
from tests.common.processes import ROOT
from tests.common.reports import in_words, measured_on, put_into

mpl.use("Agg")

from matplotlib import pyplot as plt

LATEST = ROOT / "bench" / "results" / "latest.json"
DOCUMENT = ROOT / "docs" / "bench.md"
CHART = ROOT / "docs" / "bench.png"
_PACKAGES = ("django", "celery", "uvicorn", "redis", "psycopg2-binary", "requests", "django-ninja")
_GOOD, _BAD = "#1a7f4b", "#c2362b"


def figures_of(parts: Iterable[Part]) -> list[Figure]:
    """Return all figures, in the order of the parts."""
    return [figure for part in parts for figure in part.figures]


def results_of(parts: Sequence[Part], *, seconds: float, quick: bool) -> dict[str, Any]:
    """Return the results as JSON-serializable values; each figure is also a key of its own."""
    return {
        **measured_on(_PACKAGES),
        "quick": quick,
        "seconds": round(seconds),
        **{figure.name: round(figure.value, 4) for figure in figures_of(parts)},
        "figures": [vars(figure) | {"holds": figure.holds} for figure in figures_of(parts)],
        "parts": [
            {"title": part.title, "columns": part.columns, "rows": part.rows, "raw": part.raw}
            for part in parts
        ],
    }


def show(console: Console, parts: Sequence[Part]) -> None:
    """Print the tables, the figures last."""
    for part in parts:
        table = Table(title=part.title, title_justify="left", caption=part.words)
        for number, column in enumerate(part.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in part.rows:
            table.add_row(*row)
        console.print(table)
    table = Table(title="Figures", title_justify="left")
    for column in ("Figure", "Value", "Spread", "Target", "Result"):
        table.add_column(column, justify="left" if column in ("Figure", "Result") else "right")
    for figure in figures_of(parts):
        table.add_row(*_cells(figure), style=None if figure.holds else "bold red")
    console.print(table)


def _cells(figure: Figure) -> tuple[str, ...]:
    result = "" if not figure.bound else "met" if figure.holds else "missed"
    spread = f"{_short(figure.low)}–{_short(figure.high)}"
    return (figure.name, _short(figure.value), spread, figure.bound, result)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def write(report: dict[str, Any], parts: Sequence[Part]) -> None:
    """Write the JSON file, the chart and the docs."""
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    draw(figures_of(parts), CHART)
    put_into(DOCUMENT, "the figures", markdown(report, parts))


def markdown(report: dict[str, Any], parts: Sequence[Part]) -> str:
    """Return the figures, the tables and a description of the machine as Markdown."""
    columns = ("Figure", "Description", "Value", "Spread", "Target", "Result")
    lines = [
        f"{in_words(report)}. The benchmark took {report['seconds'] / 60:.0f} minutes.",
        "",
        "![Each figure relative to its target](bench.png)",
        "",
        *_table(columns, map(_line, figures_of(parts))),
    ]
    for part in parts:
        lines += ["", f"### {part.title}", "", part.words, "", *_table(part.columns, part.rows)]
    return "\n".join(lines) + "\n"


def _line(figure: Figure) -> tuple[str, ...]:
    name, *rest = _cells(figure)
    return (f"`{name}`", figure.what, *rest)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    marks = ["---", *["--:" for _ in columns[1:]]]
    return [f"| {' | '.join(cells)} |" for cells in (columns, marks, *rows)]


def draw(figures: Sequence[Figure], file: Path) -> None:
    """Draw by which factor each figure is better than its target; right of the line is better."""
    bounded = [figure for figure in figures if figure.bound]
    chart, axes = plt.subplots(figsize=(9, 0.9 + 0.34 * len(bounded)), layout="constrained")
    for place, figure in enumerate(reversed(bounded)):
        times, low, high = (_times(figure, value) for value in _sides(figure))
        colour = _GOOD if figure.holds else _BAD
        axes.plot([1, times], [place, place], color=colour, linewidth=6, solid_capstyle="butt")
        axes.plot([low, high], [place, place], color="black", linewidth=1)
        axes.annotate(
            f"{_short(figure.value)} ({figure.bound})",
            (max(times, high, 1), place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} ×")
    axes.margins(y=0.03)
    left, right = axes.get_xlim()
    axes.set_xlim(min(left, 0.5), right * 4)
    axes.set_yticks(range(len(bounded)), [figure.name for figure in reversed(bounded)], fontsize=8)
    axes.set_xlabel("factor better than the target; the thin line is the spread over the rounds")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    chart.savefig(file, dpi=110)
    plt.close(chart)


def _sides(figure: Figure) -> tuple[float, float, float]:
    return figure.value, figure.low, figure.high


def _times(figure: Figure, value: float) -> float:
    """Return the factor by which a value is better than its target; above 0 for the log scale."""
    value = max(value, 1e-9)
    if figure.at_least is not None:
        return value / figure.at_least
    return (figure.at_most or math.inf) / value
