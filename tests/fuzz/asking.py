"""Asking the web server what schemathesis thinks of, and keeping account of how it answered."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random
from time import monotonic

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.core.failures import FailureGroup
from tqdm import tqdm

from tests.fuzz.documents import Document

SECONDS = 2.0  # issue 5: no hang over 2 s
TRACEBACK = "Traceback (most recent call last)"
_GIVE_UP = 30.0  # seconds
_MOST_SHOWN = 30

# What the hub promises of its API; the pages promise no more than to answer.
_CONFORMANCE = (
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "allow_header_conformance",
)


@dataclass
class Account:
    """What all requests came to."""

    requests: int = 0
    server_errors: int = 0
    tracebacks: int = 0
    too_long: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)  # what → how to repeat it

    def note(self, what: str, how: str) -> None:
        """Keep one example of each fault."""
        self.faults.setdefault(what, how)

    def add(self, other: "Account") -> None:
        """Count another account's requests with these."""
        self.requests += other.requests
        self.server_errors += other.server_errors
        self.tracebacks += other.tracebacks
        self.too_long += other.too_long

    @property
    def answered_well(self) -> float:
        """The share of 200s and 202s: fuzzing a closed door finds nothing."""
        return (self.statuses[200] + self.statuses[202]) / max(1, self.requests)

    @property
    def line(self) -> str:
        """The closing line."""
        return (
            f"fuzz: {self.requests} requests, {self.server_errors} server errors, "
            f"{self.tracebacks} tracebacks, {self.too_long} over {SECONDS:.0f} s"
        )

    @property
    def report(self) -> str:
        """Each fault with what repeats it."""
        shown = [f"{what}\n    {how}" for what, how in list(self.faults.items())[:_MOST_SHOWN]]
        rest = len(self.faults) - len(shown)
        return "\n".join([*shown, *([f"… and {rest} more"] if rest > 0 else [])])


class Fuzzer:
    """Asks one server; the `account` is shared by all documents."""

    def __init__(self, base_url: str, account: Account, start: int) -> None:
        self.base_url, self.account, self.start = base_url, account, start

    def ask(
        self,
        document: Document,
        session_of: Callable[[str], requests.Session],
        wanted: int,
        *,
        name: str,
        conforming: bool = False,
    ) -> None:
        """At least `wanted` requests over every operation of the document, odd and even data.

        `session_of` gives the session to ask a path with. `conforming`: the answers must be what
        the document says.
        """
        schema = schemathesis.openapi.from_dict(document)
        operations = [found.ok() for found in schema.get_all_operations()]
        # Any text is even data for a page, so there is no odd one.
        modes = list(GenerationMode) if conforming else [GenerationMode.POSITIVE]
        units = [(one, mode) for one in operations for mode in modes]
        Random(self.start).shuffle(units)
        each = max(1, min(25, wanted // len(units)))
        until = self.account.requests + wanted
        with tqdm(total=wanted, desc=name, unit=" requests", mininterval=2, file=sys.stderr) as bar:
            for number in count(self.start):  # all again, with another seed
                for unit in list(units):
                    before = self.account.requests
                    try:
                        self._ask_operation(*unit, number, each, session_of, conforming)
                    except Unsatisfiable:  # what takes no parameter has no odd data
                        units.remove(unit)
                    bar.update(self.account.requests - before)
                    if self.account.requests >= until:
                        return

    def _ask_operation(
        self,
        operation: schemathesis.APIOperation,
        mode: GenerationMode,
        number: int,
        examples: int,
        session_of: Callable[[str], requests.Session],
        conforming: bool,
    ) -> None:
        session = session_of(operation.path)

        @seed(number)
        @settings(
            max_examples=examples,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case) -> None:
            self._ask_one(case, session, f"seed {number}, {mode.value} data", conforming)

        ask()

    def _ask_one(
        self, case: schemathesis.Case, session: requests.Session, origin: str, conforming: bool
    ) -> None:
        what = f"{case.method.upper()} {case.path}"
        answered = self._send(case, session)
        if answered is None:
            return
        response, seconds = answered
        self.account.requests += 1
        if seconds > SECONDS:  # a busy machine? then it is fast when asked again, alone
            again = [self._send(case, session) for _ in range(2)]
            seconds = min([seconds, *(one[1] for one in again if one)])

        def note(fault: str) -> None:
            how = f"{case.as_curl_command(base_url=self.base_url)}  # {origin}"
            self.account.note(f"{what}: {fault}", how)

        if seconds > SECONDS:
            self.account.too_long += 1
            note(f"{seconds:.1f} s")
        if response is None:
            self.account.server_errors += 1
            note("no answer")
            return
        self.account.statuses[response.status_code] += 1
        if response.status_code >= 500:
            self.account.server_errors += 1
            note(f"{response.status_code}")
        if TRACEBACK.encode() in response.content:
            self.account.tracebacks += 1
            note("a traceback in the answer")
        if conforming:
            for said in self._differences(case, response):
                note(said)

    def _differences(
        self, case: schemathesis.Case, response: schemathesis.Response
    ) -> Iterator[str]:
        """What the document does not say of this answer."""
        # Which text is a file that works, no document can say.
        judged = case.operation.method == "post" and response.status_code == 422
        names = [name for name in _CONFORMANCE if not judged or name != "positive_data_acceptance"]
        try:
            case.validate_response(response, checks=CHECKS.get_by_names(names))
        except FailureGroup as group:
            for failure in group.exceptions:
                yield f"{response.status_code}: {failure.title}: {failure.message}"

    def _send(
        self, case: schemathesis.Case, session: requests.Session
    ) -> tuple[schemathesis.Response | None, float] | None:
        """The answer and its seconds; no answer for a broken connection, None if never sent."""
        for _ in range(2):  # the server may close a connection that was kept open, just then
            started = monotonic()
            try:
                response = case.call(
                    self.base_url, session, timeout=_GIVE_UP, allow_redirects=False
                )
            except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL):
                return None
            except requests.RequestException:
                continue
            return response, monotonic() - started
        return None, monotonic() - started
