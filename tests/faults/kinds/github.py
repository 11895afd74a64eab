"""GitHub at its worst, at each step of a run that asks it: in list, in lookup, in blobs.

Each kind awaits that the step failed for the reason that belongs to the fault. Files come over
GraphQL or else over REST, so a fault in blobs strikes both; those of GraphQL alone are in
`graphql.py`.
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

_RESET_IN = 3  # seconds until GitHub's hour begins anew
_DIRECTORIES = 5  # with new files, so that there is something to look up and to fetch
_LARGE = 2  # directories, where each body takes its time


@dataclass(frozen=True)
class Step:
    """A step of a run; its requests' paths hold `asks`, or one of those between its |."""

    name: str
    asks: str

    @property
    def is_list(self) -> bool:
        """Whether the run fails as a whole with this step."""
        return self.asks == ROOT_TREE


LIST, LOOK_UP, BLOBS = Step("list", ROOT_TREE), Step("lookup", LOOKUP), Step("blobs", FILES)
_STEPS = (LIST, LOOK_UP, BLOBS)


def _failed(stage: Stage, since: datetime, step: Step, reason: str) -> bool:
    """Whether a run has ended since then whose step failed for the reason.

    It may have begun before, and have met the fault that came then.
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
    """Whatever comes, GitHub is healthy afterwards; the time before."""
    try:
        yield datetime.now(UTC)
    finally:
        stage.github.heal()


# --- answers that are none ------------------------------------------------------------------------


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
        strike = stage.github.strike(fault, arguments, step.asks, times)
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
    """A kind for each step; `times` in the order of the steps. `late`: where the deadline comes
    before all tries have failed.
    """
    for step, often in zip(_STEPS, times, strict=True):
        why = "deadline" if step in late else reason
        act = partial(_answered_with, fault, arguments, why, step, directories=directories)
        kind(f"GitHub: {what} in {step.name}", times=often)(act)


# 5xx twice at each of several requests: more than the client's retries bear.
_BURST = 12
_HTML = "<html><title>Welcome to the network. Please sign in.</title></html>"

_at_each_step("HTML bodies", "answer", [200, _HTML], "bad_answer", (2, 2, 2))
_at_each_step("half bodies", "half_body", None, "unreachable", (2, 2, 2))
_at_each_step("bodies cut off", "cut_off", None, "bad_answer", (2, 2, 2))
# Two requests without an end, queries of a directory or tries of a list, are too many.
_at_each_step("endless bodies", "endless_body", None, "unreachable", (1, 1, 1), late=(BLOBS,))
_at_each_step(
    "endless headers", "endless_headers", None, "unreachable", (1, 1, 1), late=(LIST, BLOBS)
)
_at_each_step("bodies too large", "flood", [200], "bad_answer", (1, 1, 1), directories=_LARGE)
_at_each_step("gzip bombs", "gzip_bomb", None, "bad_answer", (1, 1, 1), directories=_LARGE)
_at_each_step("redirects in a circle", "redirect_loop", [302], "bad_answer", (2, 2, 2))


@kind("GitHub: 5xx in bursts", times=6, short=True)
def bursts(stage: Stage) -> Generator[None]:
    yield from _answered_with("server_error", [502], "server_fault", LOOK_UP, stage, times=_BURST)


@kind("GitHub: 5xx in list", times=2)
def server_errors_in_list(stage: Stage) -> Generator[None]:
    yield from _answered_with("server_error", [500], "server_fault", LIST, stage)


@kind("GitHub: 5xx in blobs", times=2)
def server_errors_in_blobs(stage: Stage) -> Generator[None]:
    yield from _answered_with("server_error", [503], "server_fault", BLOBS, stage)


# Where the value stands, and the JSON that stands there instead.
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
# Names that no column holds are left out, and only a SHA that was asked for tells that they are
# wrong: of the branch's own tree it is the folder of all directories that is not there then.
_UNSTORABLE = {'"\\u0000"', '"\\ud800"'}
_DEEP = "[" * 100_000


def _wrong_shapes(step: Step, shapes: list[tuple[list[Any], str]]) -> Callable[..., Any]:
    """One shape after the other."""
    turn = itertools.cycle(shapes)

    def act(stage: Stage) -> Generator[None]:
        keys, text = next(turn)
        reason = "not_found" if step.is_list and text in _UNSTORABLE else "bad_answer"
        if step is BLOBS:  # the shapes are those of REST
            stage.github.strike("answer", [404, {}], QUERY, None)
        yield from _answered_with("with_json", [keys, text], reason, step, stage)

    return act


for _step, _shapes in (
    (LIST, _WRONG_TREES),
    (LOOK_UP, [_WRONG_SIZE, *_WRONG_TREES]),
    (BLOBS, _WRONG_BLOBS),
):
    kind(
        f"GitHub: wrong JSON shapes in {_step.name}",
        times=len(_shapes),
        short=_step is LOOK_UP,
    )(_wrong_shapes(_step, _shapes))

_at_each_step("JSON too deep", "answer", [200, _DEEP], "bad_answer", (1, 1, 1))


# --- trees that are not whole ---------------------------------------------------------------------


@kind("GitHub: truncated trees in list", times=2)
def truncated_list(stage: Stage) -> Generator[None]:
    with healed(stage) as since:
        stage.github.truncate_above(3)  # the root has fewer entries, the folder below it more
        stage.writer.change(directories=_DIRECTORIES)
        stage.tick()
        wait_for_failure(stage, since, LIST, "truncated")
        yield


@kind("GitHub: truncated trees in lookup", times=2)
def truncated_lookup(stage: Stage) -> Generator[None]:
    yield from _answered_with("half_tree", [True], "truncated", LOOK_UP, stage)


@kind("GitHub: trees cut off without a word in lookup", times=2)
def silently_cut_lookup(stage: Stage) -> Generator[None]:
    yield from _answered_with("half_tree", [False], "bad_answer", LOOK_UP, stage)


@kind("GitHub: trees cut off without a word in list", times=2)
def silently_cut_list(stage: Stage) -> Generator[None]:
    with healed(stage) as since:

        def cut_off(path: str) -> int:
            return int(stage.github.strike("half_tree", [False], path, None))

        with _folders_list_meets(stage, cut_off):
            wait_for_failure(stage, since, LIST, "bad_answer")
        yield


# --- 304 ------------------------------------------------------------------------------------------


@kind("GitHub: 304 without a cached body in list", times=2)
def unasked_304_in_list(stage: Stage) -> Generator[None]:
    with healed(stage) as since:
        stage.github.strike("unexpected_not_modified", None, ROOT_TREE, None)

        def failed() -> bool:
            stage.execute("DELETE FROM hub_listingetag")  # a run at work may have noted one more
            return _failed(stage, since, LIST, "bad_answer")

        wait_until(failed, "list to meet a 304 without having asked")
        yield


@kind("GitHub: 304 whose cached body is gone", times=1)
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


@kind("GitHub: 304 without a cached body in lookup", times=2)
def unasked_304_in_lookup(stage: Stage) -> Generator[None]:
    yield from _answered_with("unexpected_not_modified", None, "bad_answer", LOOK_UP, stage)


@kind("GitHub: 304 without a cached body in blobs", times=2)
def unasked_304_in_blobs(stage: Stage) -> Generator[None]:
    yield from _answered_with("unexpected_not_modified", None, "bad_answer", BLOBS, stage)


@contextmanager
def _folders_list_meets(stage: Stage, strike: Callable[[str], int]) -> Iterator[int]:
    """Have `strike` meet a list with its second request, for the folder of all directories.

    Its SHA is known only once there is a commit, so the first request waits for that.
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


@kind("GitHub: everything is new, and every lookup fails", times=3, short=True)
def nothing_looked_up(stage: Stage) -> Generator[None]:
    with stage.writer.quiet(), healed(stage):
        stage.github.strike("server_error", [502], LOOKUP, None)
        commit = stage.writer.force_push()
        stage.tick()
        run = stage.wait_for_list_of(commit)
        stage.wait_for_end(run - 1)
        stage.wait_for_end(run)  # and the next one: readers have had time to see how it ended
        yield


# --- tokens and limits ----------------------------------------------------------------------------


def _hold_at(stage: Stage, step: Step) -> int:
    """Let the requests of a run's step wait; what releases them."""
    held = stage.github.hold(step.asks)
    stage.writer.renew(_DIRECTORIES)
    stage.tick()
    stage.wait_for_strike(held)
    return held


@contextmanager
def afterwards(stage: Stage, sets: str) -> Iterator[None]:
    """Set the token's columns at the end, as an admin would or time."""
    try:
        yield
    finally:
        stage.execute(f"UPDATE hub_githubtoken SET {sets}")


def _refused(step: Step, stage: Stage) -> Generator[None]:
    # An admin looks at the token, and GitHub takes it again.
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
        yield  # the hub itself waits for the reset that it was told


def _asked_to_wait(status: int, step: Step, stage: Stage) -> Generator[None]:
    # The minute passes that the hub waits when GitHub names no time.
    with afterwards(stage, "blocked_until = now()"):
        yield from _answered_with("secondary_limit", [None, status], "secondary_limit", step, stage)


for _step, _times in zip(_STEPS, (2, 3, 3), strict=True):
    kind(f"GitHub: 401 in mid-run, in {_step.name}", times=_times)(partial(_refused, _step))
for _step in _STEPS:
    kind(f"GitHub: primary limit in mid-run, in {_step.name}", times=2)(partial(_used_up, _step))
    kind(f"GitHub: secondary limit without Retry-After in {_step.name}", times=2)(
        partial(_asked_to_wait, 403, _step)
    )


@kind("GitHub: secondary limit as 429 without Retry-After in lookup", times=2)
def asked_to_wait_429(stage: Stage) -> Generator[None]:
    yield from _asked_to_wait(429, LOOK_UP, stage)


@kind("GitHub: primary limit as 429 in lookup", times=1)
def used_up_429(stage: Stage) -> Generator[None]:
    yield from _answered_with("primary_limit", [_RESET_IN], "rate_limited", LOOK_UP, stage)


# --- the repository itself ------------------------------------------------------------------------


@kind("GitHub: the branch vanishes", times=3)
def branch_vanishes(stage: Stage) -> Generator[None]:
    with healed(stage) as since, stage.writer.branch_vanished():
        stage.tick()
        wait_for_failure(stage, since, LIST, "not_found")
        yield


@kind("GitHub: the branch vanishes between list and lookup", times=3)
def branch_vanishes_after_list(stage: Stage) -> Generator[None]:
    with healed(stage) as since:
        held = _hold_at(stage, LOOK_UP)
        with stage.writer.branch_vanished():
            stage.github.release(held)
            wait_for_failure(stage, since, LIST, "not_found")
            yield


@kind("GitHub: the repository is empty", times=2)
def repository_empty(stage: Stage) -> Generator[None]:
    answer = [409, {"message": "Git Repository is empty."}]
    yield from _answered_with("answer", answer, "empty_repository", LIST, stage)


@kind("GitHub: force push in list", times=3)
def force_push_in_list(stage: Stage) -> Generator[None]:
    with healed(stage) as since:
        with _folders_list_meets(stage, stage.github.hold) as held:
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


kind("GitHub: force push between list and lookup", times=3)(partial(_force_push_before, LOOK_UP))
kind("GitHub: force push between lookup and blobs", times=3)(partial(_force_push_before, BLOBS))
