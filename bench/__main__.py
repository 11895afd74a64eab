"""`python -m bench`: measure reads and refreshes and compare them with alternatives."""

import argparse
import signal
import sys
import time

from rich.console import Console

from bench import budget, metrics, pages, read, refresh, report, windows, wrk

_LOG_WIDTH = 130  # characters, if the output is not a terminal
_PARTS = {
    "read": read.measure,
    "refresh": refresh.measure,
    "budget": budget.measure,
    "windows": windows.measure,
    "metrics": metrics.measure,
    "pages": pages.measure_pages,
    "large": pages.measure_large,
}


def main() -> int:
    """Parse the command line and run. Return 1 if a figure misses its target."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C: stops all processes
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="use smaller sizes and fewer rounds")
    only = "measure only this part; may be repeated"
    parser.add_argument("--only", action="append", choices=_PARTS, help=only)
    arguments = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=_LOG_WIDTH)
    started = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:6.0f} s[/]  {text}", highlight=False)

    try:
        wrk.find()
        parts = [
            part
            for name, measure in _PARTS.items()
            if not arguments.only or name in arguments.only
            for part in measure(arguments.quick, say)
        ]
    except wrk.NoWrk as reason:
        console.print(str(reason))
        return 2
    except KeyboardInterrupt:
        console.print("Interrupted. All processes were stopped and no result was saved.")
        return 130
    results = report.results_of(parts, seconds=time.monotonic() - started, quick=arguments.quick)
    report.show(console, parts)
    if not arguments.quick and not arguments.only:
        report.write(results, parts)
    return 0 if all(figure.holds for figure in report.figures_of(parts)) else 1


if __name__ == "__main__":
    sys.exit(main())
