"""`python -m hub.ops.local`: run a local hub, or a management command on it."""

import argparse
import sys
from pathlib import Path

from hub.ops.local.run import manage, run_hub
from hub.ops.local.server import LocalHubError
from hub.ops.local.supervisor import watch_parent


def main() -> int:
    """Parse the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m hub.ops.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start the hub and run until Ctrl-C")
    manage_parser = commands.add_parser("manage", help="run a management command on the local hub")
    manage_parser.add_argument("words", nargs=argparse.REMAINDER, help="for example: backup FILE")
    watch_parser = commands.add_parser("watch-parent")
    watch_parser.add_argument("pid", type=int)
    watch_parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    try:
        if arguments.command == "manage":
            return manage(arguments.words)
        if arguments.command == "watch-parent":
            watch_parent(arguments.pid, arguments.folder)
        else:
            run_hub()
    except LocalHubError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stdout.write("\nstopped\n")
        return int(arguments.command == "manage")  # a command that did not finish has failed
    return 0


if __name__ == "__main__":
    sys.exit(main())
