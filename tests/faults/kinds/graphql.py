"""GitHub's GraphQL at its worst, while its REST works.

Where REST has the same files, the newest commit is published although the fault lasts, and no
lookup fails. Limits are not worked around: what they refuse is looked up after their reset.
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
_RESET_IN = 3  # seconds until GitHub's hour begins anew
_POINTS_LEFT = 2  # of the points that the directories need
_LATE: frozenset[str] = frozenset({"deadline"})  # then the next tick continues


def _published_all_the_same(
    fault: str,
    arguments: list[Any] | None,
    stage: Stage,
    *,
    may_fail: frozenset[str] = frozenset(),
    rest_only: bool = False,
) -> Generator[None]:
    """Every query meets the fault, and the commit is published before it ends.

    `may_fail`: reasons for which lookups may fail meanwhile. `rest_only`: the run is to notice that
    it cannot use GraphQL.
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
            ), "no run noticed that it cannot use GraphQL"
        yield


def _in_turn(
    name: str, fault: str, variants: list[Any], *, times: int, short: bool = False, **options: Any
) -> None:
    """A kind whose injections take one list of arguments after the other."""
    turn = itertools.cycle(variants)

    def act(stage: Stage) -> Generator[None]:
        yield from _published_all_the_same(fault, next(turn), stage, **options)

    kind(f"GitHub: {name}", times=times, short=short)(act)


# --- errors ---------------------------------------------------------------------------------------

_TOO_LARGE = ["RESOURCE_LIMITS_EXCEEDED"]
_in_turn("GraphQL's resource limit", "graphql_error", [_TOO_LARGE], times=3)
_in_turn(
    "GraphQL's resource limit for more than one file",
    "graphql_error",
    [["RESOURCE_LIMITS_EXCEEDED", "", 1]],
    times=3,
)
_in_turn("GraphQL says that something went wrong", "graphql_error", [[""]], times=3)
_in_turn(
    "GraphQL denies the repository",
    "graphql_error",
    [["FORBIDDEN"], ["NOT_FOUND"]],
    times=4,
    rest_only=True,
)
_in_turn(
    "GraphQL is not offered",
    "answer",
    [[404, {"message": "Not Found"}], [403, {"message": "Forbidden"}], [404, "<html></html>"]],
    times=3,
    short=True,
    rest_only=True,
)
_in_turn(
    "GraphQL's JSON has another shape",
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
    "GraphQL leaves files out",
    "graphql_partial",
    [["NOT_FOUND"], ["FORBIDDEN", "", 2], ["", "", 3]],
    times=3,
)
_in_turn("GraphQL's text is null", "graphql_text", [["null"], ["null", 3]], times=3)
_in_turn("GraphQL's text is cut off", "graphql_text", [["truncated"], ["truncated", 3]], times=3)
_in_turn(
    "GraphQL's text is not the file's",
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
_in_turn("GraphQL never answers", "slow", [[3 * READ_TIMEOUT]], times=3, may_fail=_LATE)
_in_turn("GraphQL's answers end too early", "half_body", [None], times=2)

# --- limits ---------------------------------------------------------------------------------------


@kind("GitHub: GraphQL's limit is used up in mid-run", times=2)
def used_up(stage: Stage) -> Generator[None]:
    with healed(stage) as since:
        held = stage.github.hold(QUERY)
        stage.writer.renew(_DIRECTORIES)
        stage.tick()
        stage.wait_for_strike(held, times=_POINTS_LEFT + 1)
        stage.github.exhaust_graphql(_RESET_IN, _POINTS_LEFT)
        stage.github.release(held)
        wait_for_failure(stage, since, LOOK_UP, "rate_limited")
        yield  # the hub itself waits for the reset that it was told


_rate_limited = itertools.cycle(("RATE_LIMITED", "RATE_LIMIT"))


@kind("GitHub: GraphQL refuses for its limit, with points left", times=2)
def refused_with_points_left(stage: Stage) -> Generator[None]:
    with healed(stage) as since:
        # The reset is soon; an hour of waiting would be right too, but long.
        stage.github.strike("graphql_used_up", [_RESET_IN, 1000], QUERY, None)
        stage.github.strike("graphql_error", [next(_rate_limited)], QUERY, None)
        stage.writer.renew(_DIRECTORIES)
        stage.tick()
        wait_for_failure(stage, since, LOOK_UP, "rate_limited")
        yield


def _asked_to_wait(fault: str, arguments: list[Any], stage: Stage) -> Generator[None]:
    # The minute passes that the hub waits when GitHub names no time.
    with afterwards(stage, "blocked_until = now()"), healed(stage) as since:
        stage.github.strike(fault, arguments, QUERY, None)
        stage.writer.renew(_DIRECTORIES)
        stage.tick()
        wait_for_failure(stage, since, LOOK_UP, "secondary_limit")
        yield


_TOO_FAST = "You have exceeded a secondary rate limit. Please wait a few minutes."
kind("GitHub: GraphQL's secondary limit", times=3)(
    partial(_asked_to_wait, "graphql_error", ["", _TOO_FAST])
)
kind("GitHub: GraphQL's secondary limit as 403", times=2)(
    partial(_asked_to_wait, "secondary_limit", [None, 403])
)
