"""Faults of GitHub's API at each step of a run: listing, lookup, file fetch.

Each kind waits until the step has failed for the expected reason. Files are fetched over GraphQL,
or over REST if that fails, so a fault of the file fetch affects both. Faults of GraphQL alone are
in `graphql.py`.
"""

import itertools
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tests.common.waiting import wait_until
from tests.faults.kinds import kind
from tests.faults.kinds.workers import FILES, LOOKUP, QUERY, ROOT_TREE
from tests.faults.stage import Stage

_RESET_IN = 3  # seconds until GitHub's rate limit resets
_DIRECTORIES = 5  # directories with new files to look up and fetch
_LARGE = 2  # directories, for faults whose response bodies take long


@dataclass(frozen=True)
class Step:
    """A step of a run. Its requests' paths contain one of the `|`-separated parts of `paths`."""

    name: str
    paths: str

    @property
    def is_list(self) -> bool:
        """Whether the whole run fails if this step fails."""
        return self.paths == ROOT_TREE


LIST = Step("listing", ROOT_TREE)
LOOK_UP = Step("lookup", LOOKUP)
BLOBS = Step("file fetch", FILES)
_STEPS = (LIST, LOOK_UP, BLOBS)


def _failed(stage: Stage, since: datetime, step: Step, reason: str) -> bool:
    """Return whether a run that finished after `since` failed in this step for this reason.

    The run may have started before the fault.
    """
    ended = "hub_refreshrun.finished_at > %s"
    if step.is_list:
        rows = stage.query(
            f"SELECT 1 FROM hub_refreshrun WHERE {ended} AND root_sha = '' AND reason = %s",
            [since, reason],
        )
    else:
        rows = stage.query(
            "SELECT 1 FROM hub_lookup JOIN hub_refreshrun ON run_id = hub_refreshrun.id"
            f" WHERE {ended} AND hub_lookup.outcome IN ('failed', 'missing')"
            " AND hub_lookup.reason = %s",
            [since, reason],
        )
    return bool(rows)


def wait_for_failure(stage: Stage, since: datetime, step: Step, reason: str) -> None:
    wait_until(lambda: _failed(stage, since, step, reason), f"{step.name} to fail: {reason}")


@contextmanager
def healed(stage: Stage) -> Iterator[datetime]:
    """Remove all faults of GitHub after the block. Yields the time before the block."""
    try:
        yield datetime.now(UTC)
    finally:
        stage.github.heal()


# --- invalid responses ----------------------------------------------------------------------------


def _answered_with(
    fault: str,
    arguments: list[Any] | None,
    reason: str,
    step: Step,
    stage: Stage,
    times: int | None = None,
    directories: int = _DIRECTORIES,
) -> Generator[None]:
    with healed(stage) as since:
        strike = stage.github.strike(fault, arguments, step.paths, times)
        stage.writer.renew(directories)
        stage.tick()
        stage.wait_for_strike(strike)
        wait_for_failure(stage, since, step, reason)
        yield


def _at_each_step(
    what: str,
    fault: str,
    arguments: list[Any] | None,
    reason: str,
    times: tuple[int, int, int],
    *,
    late: tuple[Step, ...] = (),
    directories: int = _DIRECTORIES,
) -> None:
    """Register a kind for each step.

    `times`: number of injections for each step. `late`: steps in which the run's deadline passes
    before all retries have failed.
    """
    for step, count in zip(_STEPS, times, strict=True):
        expected = "deadline" if step in late else reason
        act = partial(_answered_with, fault, arguments, expected, step, directories=directories)
        kind(f"GitHub: {what} during {step.name}", times=count)(act)


# Two 5xx for each of several requests: more than the client retries.
_BURST = 12
_HTML = "<html><title>Welcome to the network. Please sign in.</title></html>"

_at_each_step("HTML bodies", "answer", [200, _HTML], "bad_answer", (2, 2, 2))
_at_each_step("incomplete bodies", "half_body", None, "unreachable", (2, 2, 2))
_at_each_step("truncated JSON", "cut_off", None, "bad_answer", (2, 2, 2))
# Two endless requests, be it two queries of a directory or two attempts to list, take too long.
_at_each_step("endless bodies", "endless_body", None, "unreachable", (1, 1, 1), late=(BLOBS,))
_at_each_step(
    "endless headers", "endless_headers", None, "unreachable", (1, 1, 1), late=(LIST, BLOBS)
)
_at_each_step("oversized bodies", "flood", [200], "bad_answer", (1, 1, 1), directories=_LARGE)
_at_each_step("gzip bombs", "gzip_bomb", None, "bad_answer", (1, 1, 1), directories=_LARGE)
_at_each_step("redirect loop", "redirect_loop", [302], "bad_answer", (2, 2, 2))


@kind("GitHub: bursts of 5xx", times=6, short=True)
def bursts(stage: Stage) -> Generator[None]:
    yield from _answered_with("server_error", [502], "server_fault", LOOK_UP, stage, times=_BURST)


@kind("GitHub: 5xx during listing", times=2)
def server_errors_in_list(stage: Stage) -> Generator[None]:
    yield from _answered_with("server_error", [500], "server_fault", LIST, stage)


@kind("GitHub: 5xx during file fetch", times=2)
def server_errors_in_blobs(stage: Stage) -> Generator[None]:
    yield from _answered_with("server_error", [503], "server_fault", BLOBS, stage)


# The path of a value in the JSON, and the JSON that replaces it.
_WRONG_TREES: list[tuple[list[Any], str]] = [
    ([], "null"),
    ([], '[{"path": "x"}]'),
    (["sha"], "null"),
    (["sha"], '"main"'),
    (["tree"], "{}"),
    (["tree", 0], "null"),
    (["tree", 0], '{"type": "tree"}'),
    (["tree", 0, "path"], "7"),
    (["tree", 0, "path"], '"\\u0000"'),
    (["tree", 0, "path"], '"\\ud800"'),
    (["tree", 0, "sha"], f'"{"x" * 500}"'),
    (["tree", 0, "type"], "[]"),
]
_WRONG_SIZE: tuple[list[Any], str] = (["tree", 0, "size"], '"large"')
_WRONG_BLOBS: list[tuple[list[Any], str]] = [
    ([], "[]"),
    (["content"], "null"),
    (["content"], '"äöü"'),
    (["content"], '"QW5vdGhlcg=="'),
    (["content"], '"not base64"'),
]
# The hub skips entries whose names cannot be stored. In the root tree, that is the folder with all
# directories, which is then not found.
_UNSTORABLE = {'"\\u0000"', '"\\ud800"'}
_DEEP = "[" * 100_000


def _wrong_shapes(step: Step, shapes: list[tuple[list[Any], str]]) -> Callable[..., Any]:
    """Return a fault that uses the next shape at each injection."""
    remaining = itertools.cycle(shapes)

    def act(stage: Stage) -> Generator[None]:
        keys, text = next(remaining)
        reason = "not_found" if step.is_list and text in _UNSTORABLE else "bad_answer"
        if step is BLOBS:  # the shapes are for REST
            stage.github.strike("answer", [404, {}], QUERY, None)
        yield from _answered_with("with_json", [keys, text], reason, step, stage)

    return act


for _step, _shapes in (
    (LIST, _WRONG_TREES),
    (LOOK_UP, [_WRONG_SIZE, *_WRONG_TREES]),
    (BLOBS, _WRONG_BLOBS),
):
    kind(
        f"GitHub: unexpected JSON during {_step.name}",
        times=len(_shapes),
        short=_step is LOOK_UP,
    )(_wrong_shapes(_step, _shapes))

_at_each_step("deeply nested JSON", "answer", [200, _DEEP], "bad_answer", (1, 1, 1))


# --- incomplete trees -----------------------------------------------------------------------------


@kind("GitHub: truncated trees during listing", times=2)
def truncated_list(stage: Stage) -> Generator[None]:
    with healed(stage) as since:
        stage.github.truncate_above(3)  # the root tree has fewer entries, the folder in it more
        stage.writer.change(directories=_DIRECTORIES)
        stage.tick()
        wait_for_failure(stage, since, LIST, "truncated")
        yield


@kind("GitHub: truncated trees during lookup", times=2)
def truncated_lookup(stage: Stage) -> Generator[None]:
    yield from _answered_with("half_tree", [True], "truncated", LOOK_UP, stage)


@kind("GitHub: trees cut off without notice during lookup", times=2)
def silently_cut_lookup(stage: Stage) -> Generator[None]:
    yield from _answered_with("half_tree", [False], "bad_answer", LOOK_UP, stage)


@kind("GitHub: trees cut off without notice during listing", times=2)
def silently_cut_list(stage: Stage) -> Generator[None]:
    with healed(stage) as since:

        def cut_off(path: str) -> int:
            return int(stage.github.strike("half_tree", [False], path, None))

        with _fault_in_second_request(stage, cut_off):
            wait_for_failure(stage, since, LIST, "bad_answer")
        yield


# --- 304 ------------------------------------------------------------------------------------------


@kind("GitHub: 304 without a cached body during listing", times=2)
def unasked_304_in_list(stage: Stage) -> Generator[None]:
    with healed(stage) as since:
        stage.github.strike("unexpected_not_modified", None, ROOT_TREE, None)

        def failed() -> bool:
            stage.execute("DELETE FROM hub_listingetag")  # an open run may have stored another one
            return _failed(stage, since, LIST, "bad_answer")

        wait_until(failed, "the listing to fail because of an unexpected 304")
        yield


@kind("GitHub: 304 after the cached body was deleted", times=1)
def lost_listing(stage: Stage) -> Generator[None]:
    with stage.writer.quiet():
        _wait_for_unchanged(stage)
        before = stage.newest_run()
        stage.execute(
            "DELETE FROM hub_treelisting WHERE sha IN (SELECT tree_sha FROM hub_listingetag)"
        )
        _wait_for_unchanged(stage, before)
    yield


def _wait_for_unchanged(stage: Stage, after: int | None = None) -> None:
    stage.wait_for_status(stage.newest_run() if after is None else after, "unchanged")


@kind("GitHub: 304 without a cached body during lookup", times=2)
def unasked_304_in_lookup(stage: Stage) -> Generator[None]:
    yield from _answered_with("unexpected_not_modified", None, "bad_answer", LOOK_UP, stage)


@kind("GitHub: 304 without a cached body during file fetch", times=2)
def unasked_304_in_blobs(stage: Stage) -> Generator[None]:
    yield from _answered_with("unexpected_not_modified", None, "bad_answer", BLOBS, stage)


@contextmanager
def _fault_in_second_request(stage: Stage, strike: Callable[[str], int]) -> Iterator[int]:
    """Call `strike` for the second request of a listing, which is for the contents folder.

    The folder's SHA is only known after the commit, so the first request is held until then.
    """
    with stage.writer.quiet():
        held = stage.github.hold(ROOT_TREE)
        stage.writer.change(directories=_DIRECTORIES)
        folder = stage.github.sha_of("contents")
        number = strike(f"/git/trees/{folder}")
        stage.github.release(held)
        stage.tick()
        stage.wait_for_strike(number)
        yield number


@kind("GitHub: all directories new, every lookup fails", times=3, short=True)
def nothing_looked_up(stage: Stage) -> Generator[None]:
    with stage.writer.quiet(), healed(stage):
        stage.github.strike("server_error", [502], LOOKUP, None)
        commit = stage.writer.force_push()
        stage.tick()
        run = stage.wait_for_list_of(commit)
        stage.wait_for_end(run - 1)
        stage.wait_for_end(run)  # wait for the next run too, so that readers see the result
        yield


# --- tokens and limits ----------------------------------------------------------------------------


def _hold_at(stage: Stage, step: Step) -> int:
    """Hold the requests of a run's step. Return the number with which to release them."""
    held = stage.github.hold(step.paths)
    stage.writer.renew(_DIRECTORIES)
    stage.tick()
    stage.wait_for_strike(held)
    return held


@contextmanager
def afterwards(stage: Stage, sets: str) -> Iterator[None]:
    """Set columns of the token after the block, in place of an admin or of passing time."""
    try:
        yield
    finally:
        stage.execute(f"UPDATE hub_githubtoken SET {sets}")


def _refused(step: Step, stage: Stage) -> Generator[None]:
    # In production, an admin would check the token again.
    with afterwards(stage, "state = 'valid'"), healed(stage) as since:
        held = _hold_at(stage, step)
        stage.github.revoke()
        stage.github.release(held)
        wait_for_failure(stage, since, step, "token_refused")
        yield


def _used_up(step: Step, stage: Stage) -> Generator[None]:
    with healed(stage) as since:
        held = _hold_at(stage, step)
        stage.github.exhaust(_RESET_IN)
        stage.github.release(held)
        wait_for_failure(stage, since, step, "rate_limited")
        yield  # the hub waits for the reset that GitHub reported


def _asked_to_wait(status: int, step: Step, stage: Stage) -> Generator[None]:
    # Skip the minute that the hub waits if GitHub sends no Retry-After.
    with afterwards(stage, "blocked_until = now()"):
        yield from _answered_with("secondary_limit", [None, status], "secondary_limit", step, stage)


def _stray_401(step: Step, stage: Stage) -> Generator[None]:
    """Refuse a good token once. The next run tries it again, without an admin."""
    answer = [401, {"message": "Bad credentials"}]
    yield from _answered_with("answer", answer, "token_refused", step, stage, times=1)


def _clock_differs(ahead: int, stage: Stage) -> Generator[None]:
    """Exhaust the rate limit for seconds, in the time of a GitHub whose clock differs by hours."""
    arguments = [_RESET_IN, 429, ahead]
    yield from _answered_with("primary_limit", arguments, "rate_limited", LOOK_UP, stage)


for _step in _STEPS:
    kind(f"GitHub: a single 401 during {_step.name}", times=2, short=_step is LIST)(
        partial(_stray_401, _step)
    )
for _name, _ahead in (("ahead", 36_000), ("behind", -36_000)):
    kind(f"GitHub: rate limit while GitHub's clock is ten hours {_name}", times=1)(
        partial(_clock_differs, _ahead)
    )


@kind("GitHub: secondary rate limit with an absurd Retry-After during lookup", times=1)
def absurd_retry_after(stage: Stage) -> Generator[None]:
    message = {"message": "You have exceeded a secondary rate limit."}
    answer = [403, message, {"Retry-After": "9" * 25}]
    with afterwards(stage, "blocked_until = now()"):
        yield from _answered_with("answer", answer, "secondary_limit", LOOK_UP, stage)


for _step, _times in zip(_STEPS, (2, 3, 3), strict=True):
    kind(f"GitHub: 401 during {_step.name}", times=_times)(partial(_refused, _step))
for _step in _STEPS:
    kind(f"GitHub: primary rate limit during {_step.name}", times=2)(partial(_used_up, _step))
    kind(f"GitHub: secondary rate limit without Retry-After during {_step.name}", times=2)(
        partial(_asked_to_wait, 403, _step)
    )


@kind("GitHub: secondary rate limit as 429 without Retry-After during lookup", times=2)
def asked_to_wait_429(stage: Stage) -> Generator[None]:
    yield from _asked_to_wait(429, LOOK_UP, stage)


@kind("GitHub: primary rate limit as 429 during lookup", times=1)
def used_up_429(stage: Stage) -> Generator[None]:
    yield from _answered_with("primary_limit", [_RESET_IN], "rate_limited", LOOK_UP, stage)


@kind("GitHub: repository blocked during lookup", times=1)
def blocked(stage: Stage) -> Generator[None]:
    answer = [451, {"message": "Repository access blocked", "block": {"reason": "dmca"}}]
    yield from _answered_with("answer", answer, "blocked", LOOK_UP, stage)


# --- the repository itself ------------------------------------------------------------------------


@kind("GitHub: branch deleted", times=3)
def branch_vanishes(stage: Stage) -> Generator[None]:
    with healed(stage) as since, stage.writer.branch_vanished():
        stage.tick()
        wait_for_failure(stage, since, LIST, "not_found")
        yield


@kind("GitHub: branch deleted between listing and lookup", times=3)
def branch_vanishes_after_list(stage: Stage) -> Generator[None]:
    with healed(stage) as since:
        held = _hold_at(stage, LOOK_UP)
        with stage.writer.branch_vanished():
            stage.github.release(held)
            wait_for_failure(stage, since, LIST, "not_found")
            yield


@kind("GitHub: empty repository", times=2)
def repository_empty(stage: Stage) -> Generator[None]:
    answer = [409, {"message": "Git Repository is empty."}]
    yield from _answered_with("answer", answer, "empty_repository", LIST, stage)


@kind("GitHub: force push during listing", times=3)
def force_push_in_list(stage: Stage) -> Generator[None]:
    with healed(stage) as since:
        with _fault_in_second_request(stage, stage.github.hold) as held:
            stage.writer.force_push()
            stage.github.release(held)
            wait_for_failure(stage, since, LIST, "not_found")
        yield


def _force_push_before(step: Step, stage: Stage) -> Generator[None]:
    with healed(stage) as since:
        held = _hold_at(stage, step)
        stage.writer.force_push()
        stage.github.release(held)
        wait_for_failure(stage, since, step, "not_found")
        yield


kind("GitHub: force push between listing and lookup", times=3)(partial(_force_push_before, LOOK_UP))
kind("GitHub: force push between lookup and file fetch", times=3)(
    partial(_force_push_before, BLOBS)
)
