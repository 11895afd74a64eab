"""The fake GitHub as a separate process that can be killed and frozen.

Run it with `python -m tests.faults.github CONTROL PORT OWNER/NAME TOKEN`. It receives its
repository over the control port, because a killed process loses it; the writer (`truth.py`) stores
the commits.
"""

import itertools
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

from dulwich.objects import ShaFile

from hub.demo.fake_github import FakeGitHub, Fault, OtherRepository, Repository, faults
from tests.faults.control import serve

_MAX_HOLD = 20.0  # seconds; no client waits longer


class Host:
    """A fake GitHub that another process controls."""

    def __init__(self, port: int, name: str, token: str) -> None:
        self._token, self._name = token, name
        self._github = FakeGitHub(Repository(), name, tokens=[token], port=port)
        self._github.start()
        self._struck: dict[int, int] = {}
        self._numbers = itertools.count(1)
        self._gates: dict[int, threading.Event] = {}

    def push(self, objects: list[list[Any]], branches: dict[str, str], forget: bool) -> None:
        """Add git objects ([type, bytes], …) and set the branches.

        `forget`: delete all earlier objects, as after a force push and a garbage collection.
        """
        repository = Repository() if forget else self._github.repository
        for kind, raw in objects:
            thing = ShaFile.from_raw_string(kind, raw)
            repository.objects[thing.id.decode()] = thing
        repository.branches = branches
        self._github.repository = repository

    def strike(self, fault: str, arguments: list[Any], match: str, times: int | None) -> int:
        """Activate `faults.<fault>` for requests whose path contains `match`; return its number.

        `arguments`: call `faults.<fault>` with them to create the fault; None: it is the fault.
        `match`: several parts can be separated by |. `times`: the number of requests for each part.
        """
        act = getattr(faults, fault)
        return self._switch_on(act if arguments is None else act(*arguments), match, times)

    def _switch_on(
        self, act: Callable[[BaseHTTPRequestHandler], bool], match: str, times: int | None
    ) -> int:
        number = next(self._numbers)
        self._struck[number] = 0
        for part in match.split("|"):
            self._github.faults.append(Fault(self._counted(act, number), part, times))
        return number

    def _counted(
        self, act: Callable[[BaseHTTPRequestHandler], bool], number: int
    ) -> Callable[[BaseHTTPRequestHandler], bool]:
        def counted(handler: BaseHTTPRequestHandler) -> bool:
            self._struck[number] += 1
            return act(handler)

        return counted

    def hold(self, match: str) -> int:
        """Hold requests whose path contains `match` (see `strike`); return a number to release."""
        gate = threading.Event()

        def act(_: BaseHTTPRequestHandler) -> bool:
            gate.wait(_MAX_HOLD)
            return False

        number = self._switch_on(act, match, None)
        self._gates[number] = gate
        return number

    def release(self, number: int) -> None:
        """Respond to the requests of this `hold` and end it."""
        self._gates[number].set()

    def struck(self, number: int) -> int:
        """Return how many requests the fault has affected."""
        return self._struck[number]

    def heal(self) -> None:
        """Remove all faults and limits and accept the token again."""
        self._github.faults = []
        for number in self._gates:
            self.release(number)
        self._github.truncate_above = 100_000
        self._github.latency = 0.0
        self._github.add_token(self._token)

    def revoke(self) -> None:
        """Respond with 401 to the token."""
        self._github.revoke(self._token)

    def rename(self, name: str) -> None:
        """Rename the repository; its former name is redirected."""
        self._github.rename(name)

    def rename_back(self) -> None:
        """Give the repository its first name again, without redirects."""
        self._github.name = self._name
        self._github.former_names.clear()

    def exhaust(self, reset_in: int, left: int = 0) -> None:
        """Reduce the token's rate limits to `left`; they reset in `reset_in` seconds."""
        for limits in (self._github.limits, self._github.graphql_limits):
            limits[self._token].exhaust(reset_in, left)

    def expire(self, days: int) -> None:
        """Let the token expire in some days."""
        self._github.expire(self._token, datetime.now(UTC) + timedelta(days=days))

    def exhaust_graphql(self, reset_in: int, left: int) -> None:
        """Reduce the GraphQL limit to `left` points; it resets in `reset_in` seconds."""
        self._github.graphql_limits[self._token].exhaust(reset_in, left)

    def truncate_above(self, entries: int) -> None:
        """Truncate trees with more entries."""
        self._github.truncate_above = entries

    def sha_of(self, path: str) -> str:
        """Return the SHA of a file or folder at the tip of the branch, or ""."""
        found = self._github.repository.find(self._github.branch, path)
        return found.sha if found else ""

    def add_repository(self, name: str) -> None:
        """Serve the facts of another repository."""
        self._github.add_other(OtherRepository(name))

    def requests(self) -> int:
        """Return the number of requests so far."""
        return len(self._github.requests)

    def ping(self) -> bool:
        """Return True, to show that the server is ready."""
        return True


def main() -> None:
    """Parse the command line and serve."""
    control, port, name, token = sys.argv[1:]
    serve(Host(int(port), name, token), int(control))


if __name__ == "__main__":
    main()
