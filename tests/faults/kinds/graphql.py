"""Faults of GitHub's GraphQL API while the REST API works.

The hub then fetches the files over REST: the newest commit is published during the fault and no
lookup fails. Rate limits are not bypassed: the hub continues after their reset.
"""

import itertools
from collections.abc import Generator
from functools import partial
from typing import Any

from tests.faults.kinds import kind
from tests.faults.kinds.github import LOOK_UP, afterwards, healed, wait_for_failure
from tests.faults.kinds.workers import QUERY
from tests.faults.stage import READ_TIMEOUT, Stage

_DIRECTORIES = 5  # with three new files each
_RESET_IN = 3  # seconds until GitHub's rate limit resets
_POINTS_LEFT = 2  # fewer than the directories need
_LATE: frozenset[str] = frozenset({"deadline"})  # the next run continues


def _published_despite_fault(
    fault: str,
    arguments: list[Any] | None,
    stage: Stage,
    *,
    may_fail: frozenset[str] = frozenset(),
    rest_only: bool = False,
) -> Generator[None]:
    """Apply the fault to every query and wait until the commit is published despite it.

    `may_fail`: reasons for which lookups may fail. `rest_only`: the run must record that it cannot
    use GraphQL.
    """
    with stage.writer.quiet(), healed(stage):
        strike = stage.github.strike(fault, arguments, QUERY, None)
        commit = stage.writer.renew(_DIRECTORIES)
        stage.tick()
        stage.wait_for_strike(strike)
        stage.wait_for_complete(commit)
        failures = stage.failures_of(commit) - may_fail
        assert not failures, f"lookups failed: {sorted(failures)}"
        if rest_only:
            assert stage.query(
                "SELECT 1 FROM hub_refreshrun WHERE root_sha = %s AND rest_only", [commit.tree_sha]
            ), "no run has recorded that it cannot use GraphQL"
        yield


def _in_turn(
    name: str, fault: str, variants: list[Any], *, times: int, short: bool = False, **options: Any
) -> None:
    """Register a kind that uses the next list of arguments at each injection."""
    remaining = itertools.cycle(variants)

    def act(stage: Stage) -> Generator[None]:
        yield from _published_despite_fault(fault, next(remaining), stage, **options)

    kind(f"GitHub: {name}", times=times, short=short)(act)


# --- errors ---------------------------------------------------------------------------------------

_TOO_LARGE = ["RESOURCE_LIMITS_EXCEEDED"]
_in_turn("GraphQL resource limit", "graphql_error", [_TOO_LARGE], times=3)
_in_turn(
    "GraphQL resource limit for more than one file",
    "graphql_error",
    [["RESOURCE_LIMITS_EXCEEDED", "", 1]],
    times=3,
)
_in_turn("GraphQL internal error", "graphql_error", [[""]], times=3)
_in_turn(
    "GraphQL denies access to the repository",
    "graphql_error",
    [["FORBIDDEN"], ["NOT_FOUND"]],
    times=4,
    rest_only=True,
)
_in_turn(
    "GraphQL not supported",
    "answer",
    [[404, {"message": "Not Found"}], [403, {"message": "Forbidden"}], [404, "<html></html>"]],
    times=3,
    short=True,
    rest_only=True,
)
_in_turn(
    "unexpected JSON from GraphQL",
    "with_json",
    [
        [[], "null"],
        [["data"], "[]"],
        [["data", "repository"], "7"],
        [["data", "repository", "b0"], '"text"'],
        [["data", "repository", "b0", "text"], "{}"],
        [["data", "repository", "b0", "text"], '"\\ud800\\u0000"'],
        [["errors"], '[7, null, {"type": []}]'],
    ],
    times=7,
)

# --- files ----------------------------------------------------------------------------------------

_in_turn(
    "GraphQL omits files",
    "graphql_partial",
    [["NOT_FOUND"], ["FORBIDDEN", "", 2], ["", "", 3]],
    times=3,
)
_in_turn("GraphQL returns null as text", "graphql_text", [["null"], ["null", 3]], times=3)
_in_turn(
    "GraphQL returns truncated text", "graphql_text", [["truncated"], ["truncated", 3]], times=3
)
_in_turn(
    "GraphQL returns another file's text",
    "graphql_text",
    [["other"], ["other", 3]],
    times=3,
    short=True,
)

# --- timeouts -------------------------------------------------------------------------------------

_in_turn(
    "GraphQL times out", "graphql_timeout", [[502], [504], [502, 0.5]], times=3, may_fail=_LATE
)
_in_turn(
    "GraphQL times out for more than one file",
    "graphql_timeout",
    [[502, 0.3, 1], [504, 0.3, 1]],
    times=4,
    short=True,
    may_fail=_LATE,
)
_in_turn("GraphQL never responds", "slow", [[3 * READ_TIMEOUT]], times=3, may_fail=_LATE)
_in_turn("incomplete bodies from GraphQL", "half_body", [None], times=2)

# --- limits ---------------------------------------------------------------------------------------


@kind("GitHub: GraphQL rate limit reached during a run", times=2)
def used_up(stage: Stage) -> Generator[None]:
    with healed(stage) as since:
        held = stage.github.hold(QUERY)
        stage.writer.renew(_DIRECTORIES)
        stage.tick()
        stage.wait_for_strike(held, times=_POINTS_LEFT + 1)
        stage.github.exhaust_graphql(_RESET_IN, _POINTS_LEFT)
        stage.github.release(held)
        wait_for_failure(stage, since, LOOK_UP, "rate_limited")
        yield  # the hub waits for the reset that GitHub reported


_rate_limited = itertools.cycle(("RATE_LIMITED", "RATE_LIMIT"))


@kind("GitHub: GraphQL rate limit error although points are left", times=2)
def refused_with_points_left(stage: Stage) -> Generator[None]:
    with healed(stage) as since:
        # The reset is soon, because the hub waits for it.
        stage.github.strike("graphql_used_up", [_RESET_IN, 1000], QUERY, None)
        stage.github.strike("graphql_error", [next(_rate_limited)], QUERY, None)
        stage.writer.renew(_DIRECTORIES)
        stage.tick()
        wait_for_failure(stage, since, LOOK_UP, "rate_limited")
        yield


def _asked_to_wait(fault: str, arguments: list[Any], stage: Stage) -> Generator[None]:
    # Skip the minute that the hub waits if GitHub sends no Retry-After.
    with afterwards(stage, "blocked_until = now()"), healed(stage) as since:
        stage.github.strike(fault, arguments, QUERY, None)
        stage.writer.renew(_DIRECTORIES)
        stage.tick()
        wait_for_failure(stage, since, LOOK_UP, "secondary_limit")
        yield


_TOO_FAST = "You have exceeded a secondary rate limit. Please wait a few minutes."
kind("GitHub: GraphQL secondary rate limit", times=3)(
    partial(_asked_to_wait, "graphql_error", ["", _TOO_FAST])
)
kind("GitHub: GraphQL secondary rate limit as 403", times=2)(
    partial(_asked_to_wait, "secondary_limit", [None, 403])
)
