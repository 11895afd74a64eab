"""Send requests that schemathesis generates, and record how the web server responds."""

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
_TIMEOUT = 30.0  # seconds
_MAX_SHOWN = 30

# Checks for the API. Pages only have to respond without a server error.
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
    """The results of all requests."""

    requests: int = 0
    server_errors: int = 0
    tracebacks: int = 0
    too_long: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)  # fault → how to reproduce it

    def note(self, what: str, how: str) -> None:
        """Record one example of each fault."""
        self.faults.setdefault(what, how)

    def add(self, other: "Account") -> None:
        """Add the results of another account."""
        self.requests += other.requests
        self.server_errors += other.server_errors
        self.tracebacks += other.tracebacks
        self.too_long += other.too_long

    @property
    def answered_well(self) -> float:
        """The share of 200 and 202 responses: fuzzing is useless if all requests are rejected."""
        return (self.statuses[200] + self.statuses[202]) / max(1, self.requests)

    @property
    def line(self) -> str:
        """The last line of the output."""
        return (
            f"fuzz: {self.requests} requests, {self.server_errors} server errors, "
            f"{self.tracebacks} tracebacks, {self.too_long} over {SECONDS:.0f} s"
        )

    @property
    def report(self) -> str:
        """The faults, with the commands that reproduce them."""
        shown = [f"{what}\n    {how}" for what, how in list(self.faults.items())[:_MAX_SHOWN]]
        rest = len(self.faults) - len(shown)
        return "\n".join([*shown, *([f"… and {rest} more"] if rest > 0 else [])])


class Fuzzer:
    """Sends requests to one server; all documents share the `account`."""

    def __init__(self, base_url: str, account: Account, start: int) -> None:
        self.base_url, self.account, self.start = base_url, account, start

    def ask(
        self,
        document: Document,
        session_of: Callable[[str], requests.Session],
        minimum: int,
        *,
        name: str,
        conforming: bool = False,
    ) -> None:
        """Send at least `minimum` requests, with valid and invalid data, to all operations.

        `session_of`: returns the session for a path. `conforming`: responses must conform to the
        document.
        """
        schema = schemathesis.openapi.from_dict(document)
        operations = [found.ok() for found in schema.get_all_operations()]
        # Any text is valid data for a page, so there is no invalid data.
        modes = list(GenerationMode) if conforming else [GenerationMode.POSITIVE]
        units = [(one, mode) for one in operations for mode in modes]
        Random(self.start).shuffle(units)
        each = max(1, min(25, minimum // len(units)))
        until = self.account.requests + minimum
        bar = tqdm(total=minimum, desc=name, unit=" requests", mininterval=2, file=sys.stderr)
        with bar:
            for number in count(self.start):  # repeat all with another seed
                for unit in list(units):
                    before = self.account.requests
                    try:
                        self._ask_operation(*unit, number, each, session_of, conforming)
                    except Unsatisfiable:  # without parameters, there is no invalid data
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
        sent = self._send(case, session)
        if sent is None:
            return
        response, seconds = sent
        self.account.requests += 1
        if seconds > SECONDS:  # retry, in case the machine was busy
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
            note("no response")
            return
        self.account.statuses[response.status_code] += 1
        if response.status_code >= 500:
            self.account.server_errors += 1
            note(f"{response.status_code}")
        if TRACEBACK.encode() in response.content:
            self.account.tracebacks += 1
            note("a traceback in the response")
        if conforming:
            for difference in self._differences(case, response):
                note(difference)

    def _differences(
        self, case: schemathesis.Case, response: schemathesis.Response
    ) -> Iterator[str]:
        """Yield where the response does not conform to the document."""
        # The document cannot describe which text is a usable file.
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
        """Send a request. Return the response and its duration, or None if it cannot be sent.

        The response is None if the connection broke.
        """
        for _ in range(2):  # the server may close a keepalive connection at this moment
            started = monotonic()
            try:
                response = case.call(
                    self.base_url, session, timeout=_TIMEOUT, allow_redirects=False
                )
            except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL):
                return None
            except requests.RequestException:
                continue
            return response, monotonic() - started
        return None, monotonic() - started
