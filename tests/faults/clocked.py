"""`python -m tests.faults.clocked FILE MODULE …`: a module's command under a clock of its own.

The file says by how many seconds the clock is ahead of the true time, at the start and whenever it
is written anew.
"""

import runpy
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

_LOOK_EVERY = 0.05  # seconds
_never = threading.Event()


def main() -> None:
    """Turn the clock, and be the module's command."""
    file, module = Path(sys.argv[1]), sys.argv[2]
    sys.argv[:] = sys.argv[2:]
    ahead = _read(file)
    clock = time_machine.travel(datetime.now(UTC) + ahead, tick=True).start()
    threading.Thread(target=_follow, args=(file, clock, ahead), daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _follow(file: Path, clock: time_machine.Traveller, ahead: timedelta) -> None:
    while not _never.wait(_LOOK_EVERY):
        now = _read(file)
        if now != ahead:
            ahead = now
            clock.move_to(time_machine.escape_hatch.datetime.datetime.now(UTC) + ahead)


def _read(file: Path) -> timedelta:
    return timedelta(seconds=float(file.read_text()))


if __name__ == "__main__":
    main()
