"""`python -m tests.faults`: inject every kind of fault and report what readers noticed.

A whole run ends with the planted defects, which the checker must find.
"""

import argparse
import shutil
import signal
import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.common.processes import ROOT
from tests.faults import table
from tests.faults.kinds import LEFT_OUT, Kind, all_kinds
from tests.faults.planting import find_all
from tests.faults.runner import Injection, on_stage, plan
from tests.faults.stage import Stage

_LOG_WIDTH = 130  # characters, if the output is not a terminal
LOGS = ROOT / "tests" / "output" / "faults"


def main() -> int:
    """Parse the command line and run. Return 1 if anything was lost, wrong or stuck."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C: stops all parts
    kinds = all_kinds()
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="inject only the faults of `make test`"
    )
    parser.add_argument(
        "--only", action="append", metavar="KIND", help="inject only this kind; may be repeated"
    )
    parser.add_argument("--times", type=int, help="number of injections of each kind")
    parser.add_argument("--seed", type=int, default=5, help="for the order (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="list the kinds and exit")
    arguments = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=_LOG_WIDTH)
    if arguments.list:
        for kind in kinds.values():
            console.print(f"{kind.times:4}  {kind.name}", highlight=False)
        return 0
    for reason in LEFT_OUT:
        console.print(f"Left out: {reason}", highlight=False)
    unknown = sorted(set(arguments.only or ()) - kinds.keys())
    if unknown:
        parser.error(f"unknown kind: {', '.join(unknown)}. Use --list to list the kinds.")
    if arguments.only:
        kinds = {name: kinds[name] for name in arguments.only}
    planned = plan(
        kinds,
        seed=arguments.seed,
        short=arguments.short and not arguments.only,
        times=arguments.times,
    )
    is_complete = not (arguments.short or arguments.only or arguments.times)
    try:
        return _run(console, planned, seed=arguments.seed, whole=is_complete)
    except KeyboardInterrupt:
        console.print("Interrupted. All parts were stopped and no result was saved.")
        return 130


def _run(console: Console, planned: list[Kind], *, seed: int, whole: bool) -> int:
    started = time.monotonic()
    console.print("Starting Postgres, Redis, the fake GitHub, two workers, beat and web …")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with (
        Stage() as stage,
        on_stage(stage) as suite,
        Progress(*columns, console=console) as progress,
    ):
        task = progress.add_task("", total=len(planned))
        for kind in planned:
            progress.update(task, description=kind.name)
            injection = suite.inject(kind)
            progress.console.print(_line(injection), highlight=False)
            for finding in injection.findings:
                progress.console.print(
                    f"  {finding.verdict}: {finding.what}", style="bold red", highlight=False
                )
            progress.advance(task)
        suite.check()
        if suite.findings:
            shutil.copytree(suite.stage.folder / "logs", LOGS, dirs_exist_ok=True)
            console.print(f"The logs of all parts are in {LOGS}.")
        seconds = time.monotonic() - started
        report = table.report(suite, seconds=seconds, seed=seed)
    planted = _plant(console) if whole else {}
    report["planted"] = planted
    table.show(console, report)
    for finding in suite.findings:
        console.print(f"{finding.verdict}: {finding.what}", style="bold red", highlight=False)
    if whole:
        table.save(report)
        console.print(table.planted_line(planted), highlight=False)
    console.print(
        table.closing_line(suite.verdicts, len(suite.injections)), highlight=False, soft_wrap=True
    )
    return 1 if suite.findings or not all(planted.values()) else 0


def _plant(console: Console) -> dict[str, bool]:
    console.print("Planting defects, which the checker must find …")

    def tell(name: str, found: bool) -> None:
        mark = "[green]✓[/]" if found else "[red]✗ not found:[/]"
        console.print(f"{mark} {name}", highlight=False)

    return find_all(tell)


def _line(injection: Injection) -> str:
    mark = "[red]✗[/]" if injection.findings else "[green]✓[/]"
    recovery = "–" if injection.recovery is None else f"{injection.recovery:.1f} s"
    return (
        f"{mark} {injection.kind.name}: [dim]{injection.requests} reads, {injection.errors} errors,"
        f" recovered in {recovery}[/]"
    )


if __name__ == "__main__":
    sys.exit(main())
