"""`python -m tests.faults.clocked FILE MODULE …`: run a module with a separate clock.

The file contains the number of seconds by which the clock is ahead of the correct time. The clock
follows changes of the file.
"""

import runpy
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

_POLL_INTERVAL = 0.05  # seconds
_never = threading.Event()


def main() -> None:
    """Set the clock and run the module as `__main__`."""
    file, module = Path(sys.argv[1]), sys.argv[2]
    sys.argv[:] = sys.argv[2:]
    ahead = _read(file)
    clock = time_machine.travel(datetime.now(UTC) + ahead, tick=True).start()
    threading.Thread(target=_follow, args=(file, clock, ahead), daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _follow(file: Path, clock: time_machine.Traveller, ahead: timedelta) -> None:
    while not _never.wait(_POLL_INTERVAL):
        now = _read(file)
        if now != ahead:
            ahead = now
            clock.move_to(time_machine.escape_hatch.datetime.datetime.now(UTC) + ahead)


def _read(file: Path) -> timedelta:
    return timedelta(seconds=float(file.read_text()))


if __name__ == "__main__":
    main()
