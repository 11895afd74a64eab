"""The fake GitHub in a process of its own, so that it can be killed and frozen.

`python -m tests.faults.github CONTROL PORT OWNER/NAME TOKEN` runs it. Its repository comes over the
control line: the writer (`truth.py`) keeps the commits, for a killed GitHub forgets them.
"""

import itertools
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from dulwich.objects import ShaFile

from hub.demo.fake_github import FakeGitHub, Fault, Repository, faults
from tests.faults.control import serve

_LONGEST_HOLD = 20.0  # seconds; nobody waits longer


class Host:
    """A fake GitHub, for another process to steer."""

    def __init__(self, port: int, name: str, token: str) -> None:
        self._token = token
        self._github = FakeGitHub(Repository(), name, tokens=[token], port=port)
        self._github.start()
        self._struck: dict[int, int] = {}
        self._numbers = itertools.count(1)
        self._gates: dict[int, threading.Event] = {}

    def push(self, objects: list[list[Any]], branches: dict[str, str], forget: bool) -> None:
        """Take git objects ([type, bytes], …) and what the branches name now.

        With `forget`, what was there before is gone, as after a force push and a collection.
        """
        repository = Repository() if forget else self._github.repository
        for kind, raw in objects:
            thing = ShaFile.from_raw_string(kind, raw)
            repository.objects[thing.id.decode()] = thing
        repository.branches = branches
        self._github.repository = repository

    def strike(self, fault: str, arguments: list[Any], match: str, times: int | None) -> int:
        """Switch on `faults.<fault>` for requests whose path holds `match`; the fault's number.

        With `arguments` it is made from them first; None: it acts as it is. `match` may be several,
        with a | between them; each is struck so many `times`.
        """
        made = getattr(faults, fault)
        return self._switch_on(made if arguments is None else made(*arguments), match, times)

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
        """Let requests whose path holds `match` (see `strike`) wait until `release`; its number."""
        gate = threading.Event()

        def act(_: BaseHTTPRequestHandler) -> bool:
            gate.wait(_LONGEST_HOLD)
            return False

        number = self._switch_on(act, match, None)
        self._gates[number] = gate
        return number

    def release(self, number: int) -> None:
        """Answer what waits for this `hold`, and let nothing wait for it any more."""
        self._gates[number].set()

    def struck(self, number: int) -> int:
        """How often the fault has begun to act."""
        return self._struck[number]

    def heal(self) -> None:
        """Be an ordinary GitHub with one good token, from the next request on."""
        self._github.faults = []
        for number in self._gates:
            self.release(number)
        self._github.truncate_above = 100_000
        self._github.latency = 0.0
        self._github.add_token(self._token)

    def revoke(self) -> None:
        """Answer 401 to the token."""
        self._github.revoke(self._token)

    def exhaust(self, reset_in: int) -> None:
        """Let the token's hour be used up; so many seconds from now there is more."""
        for limits in (self._github.limits, self._github.graphql_limits):
            limits[self._token].exhaust(reset_in)

    def exhaust_graphql(self, reset_in: int, left: int) -> None:
        """The same for GraphQL alone, with so many points left."""
        self._github.graphql_limits[self._token].exhaust(reset_in, left)

    def truncate_above(self, entries: int) -> None:
        """Cut longer trees off."""
        self._github.truncate_above = entries

    def sha_of(self, path: str) -> str:
        """The SHA of a file or folder at the branch's tip; "" when it is not there."""
        found = self._github.repository.find(self._github.branch, path)
        return found.sha if found else ""

    def requests(self) -> int:
        """How many requests were answered."""
        return len(self._github.requests)

    def ping(self) -> bool:
        """Whether it serves."""
        return True


def main() -> None:
    """The command line."""
    control, port, name, token = sys.argv[1:]
    serve(Host(int(port), name, token), int(control))


if __name__ == "__main__":
    main()
