"""Describe where a report was measured, and insert it into the docs."""

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from tests.common.processes import ROOT


def measured_on(packages: Iterable[str]) -> dict[str, Any]:
    """Return date, commit, machine, Python version and package versions."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": _machine(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }


def in_words(report: dict[str, Any]) -> str:
    """Return the values of `measured_on` as a sentence without a full stop."""
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return (
        f"Measured on {report['date'][:10]} at commit `{report['commit']}` on {report['machine']}, "
        f"Python {report['python']}, {versions}"
    )


def put_into(document: Path, name: str, text: str) -> None:
    """Write `text` between the document's markers with this name."""
    begin, end = f"<!-- {name}: written by ", f"<!-- end of {name} -->"
    before, mark, rest = document.read_text().partition(begin)
    first_line, _, rest = rest.partition("\n")
    _, last, after = rest.partition(end)
    assert mark, f"{document} has no start marker for {name}"
    assert last, f"{document} has no end marker for {name}"
    document.write_text(f"{before}{mark}{first_line}\n{text}{last}{after}")


def _commit() -> str:
    """Return the commit of this checkout, with "-dirty" if files differ; "" outside of git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 2**30
    return f"{cores} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}"
