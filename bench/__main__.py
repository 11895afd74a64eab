"""`python -m bench`: measure reads and refreshes side by side, and say how they compare."""

import argparse
import signal
import sys
import time

from rich.console import Console

from bench import budget, read, refresh, report, windows, wrk

_LOG_WIDTH = 130  # characters, where no terminal says how wide it is
_PARTS = {
    "read": read.measure,
    "refresh": refresh.measure,
    "budget": budget.measure,
    "windows": windows.measure,
}


def main() -> int:
    """The command line; 1 when a figure is not within its bound."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: it ends all parts
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer rounds")
    parser.add_argument("--only", action="append", choices=_PARTS, help="may be repeated")
    arguments = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=_LOG_WIDTH)
    begun = time.monotonic()

    def say(what: str) -> None:
        console.print(f"[dim]{time.monotonic() - begun:6.0f} s[/]  {what}", highlight=False)

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
        console.print("stopped; all parts have been ended, and nothing was kept")
        return 130
    kept = report.kept(parts, seconds=time.monotonic() - begun, quick=arguments.quick)
    report.show(console, parts)
    if not arguments.quick and not arguments.only:
        report.write(kept, parts)
    return 0 if all(figure.holds for figure in report.figures_of(parts)) else 1


if __name__ == "__main__":
    sys.exit(main())
