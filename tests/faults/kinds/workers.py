"""Faults of workers: killed or frozen at each step of a run.

A lock in Postgres or a slow response from GitHub holds a worker in the step.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from tests.faults.kinds import kind
from tests.faults.stage import Stage

Broken = Callable[[Stage], AbstractContextManager[None]]  # repairs it at the end of the block

ROOT_TREE = "/git/trees/main"
LOOKUP = "recursive=1"
QUERY, BLOB = "/graphql", "/git/blobs/"
FILES = f"{QUERY}|{BLOB}"
# Locks that hold the listing and the publication just before they commit, and a lookup before it
# stores its tree. They do not block readers.
LIST_HELD = "LOCK TABLE hub_lookup IN SHARE ROW EXCLUSIVE MODE"
LOOKUPS_HELD = "LOCK TABLE hub_contenttree IN SHARE ROW EXCLUSIVE MODE"
_PUBLISH_HELD = "SELECT 1 FROM hub_servedcontents FOR UPDATE"
_HELD = 3.0  # seconds that GitHub holds a request; longer than the hub's read timeout
_BROKEN_FOR = 2.0  # seconds
_LONG_RUN = 60  # seconds; in production, a run's deadline is later than the visibility timeout


@contextmanager
def lookups_held(stage: Stage) -> Iterator[int]:
    """Hold all lookups of a run before they commit. Yields the number of the run."""
    before = stage.newest_run()
    with stage.locked(LOOKUPS_HELD):
        stage.writer.change(directories=6)
        stage.tick()
        stage.wait_for_blocked("hub_contenttree")
        yield stage.wait_for_status(before, "looking_up")


@contextmanager
def publication_held(stage: Stage) -> Iterator[int]:
    """Hold the publication of a run before it commits. Yields the number of the run.

    The lock is taken during the run's lookups: the row of the map is also updated by runs that find
    nothing changed, and one of them could be held instead.
    """
    with ExitStack() as held:
        with lookups_held(stage) as run:
            held.enter_context(stage.locked(_PUBLISH_HELD))
        stage.worker_at("publish_contents")
        stage.wait_for_blocked("hub_servedcontents")
        yield run


def broken_in_lookup(stage: Stage, broken: Broken) -> Generator[None]:
    """Break something for two seconds while the lookups of a run end."""
    held = stage.github.hold(LOOKUP)
    try:
        stage.writer.change(directories=6)
        stage.tick()
        stage.wait_for_strike(held)
        with broken(stage):
            stage.github.release(held)
            stage.wait(_BROKEN_FOR)
            yield
    finally:
        stage.github.heal()
    stage.wait_for_consumers()


def broken_in_publication(stage: Stage, broken: Broken) -> Generator[None]:
    """Break something for two seconds while a run commits its publication."""
    with ExitStack() as until_repaired:
        with publication_held(stage):
            until_repaired.enter_context(broken(stage))
        stage.wait(_BROKEN_FOR)
        yield
    stage.wait_for_consumers()


def _killed_at(stage: Stage, task: str) -> Generator[None]:
    victim = stage.worker_at(task)
    victim.kill()
    yield
    stage.restart(victim.name)


@kind("worker killed during listing", times=2, short=True)
def killed_in_list(stage: Stage) -> Generator[None]:
    held = stage.github.strike("slow", [_HELD], ROOT_TREE, 1)
    stage.tick()
    stage.wait_for_strike(held)
    yield from _killed_at(stage, "list_directories")


@kind("worker killed during lookup", times=2)
def killed_in_lookup(stage: Stage) -> Generator[None]:
    held = stage.github.strike("slow", [_HELD], LOOKUP, 3)
    stage.writer.change(directories=8)
    stage.tick()
    stage.wait_for_strike(held)
    yield from _killed_at(stage, "lookup_directory")


@kind("worker killed during publishing", times=2, short=True)
def killed_in_publish(stage: Stage) -> Generator[None]:
    with publication_held(stage):
        victim = stage.worker_at("publish_contents")
        victim.kill()
    yield
    stage.restart(victim.name)


@kind("worker killed between the listing's commit and the chord", times=2)
def killed_before_the_chord(stage: Stage) -> Generator[None]:
    before = stage.newest_run()
    with stage.locked(LIST_HELD):
        stage.writer.change(directories=4)
        stage.tick()
        stage.wait_for_blocked('INSERT INTO "hub_lookup"')
        victim = stage.worker_at("list_directories")
        stage.proxies.stall("redis")
    try:
        stage.wait_for_status(before, "looking_up")
        victim.kill()
    finally:
        stage.proxies.repair("redis")
    yield
    stage.restart(victim.name)


@kind("worker killed between a lookup's commit and its acknowledgement", times=2)
def killed_before_the_reply(stage: Stage) -> Generator[None]:
    before = stage.newest_run()
    slow = stage.github.strike("slow", [0.5], LOOKUP, 8)  # leaves time to lock the lookups
    stage.writer.change(directories=4)
    stage.tick()
    stage.wait_for_strike(slow)
    run = stage.wait_for_status(before, "looking_up")
    with stage.locked(f"SELECT 1 FROM hub_lookup WHERE run_id = {run} FOR UPDATE"):
        stage.wait_for_blocked("hub_lookup")
        victim = stage.worker_at("lookup_directory")
        stage.proxies.stall("redis")
    try:
        stage.wait_for_outcome(run)
        victim.kill()
    finally:
        stage.proxies.repair("redis")
    yield
    stage.github.heal()
    stage.restart(victim.name)


@kind("worker killed between the publication's commit and its acknowledgement", times=3)
def killed_after_publishing(stage: Stage) -> Generator[None]:
    with publication_held(stage) as run:
        victim = stage.worker_at("publish_contents")
        stage.proxies.stall("redis")
    try:
        stage.wait_for_status(run - 1, "published")
        victim.kill()
    finally:
        stage.proxies.repair("redis")
    stage.age_messages()  # unacknowledged messages are delivered again
    yield
    stage.restart(victim.name)


@kind("worker killed during lookup, messages redelivered", times=2, short=True)
def killed_and_redelivered(stage: Stage) -> Generator[None]:
    with lookups_held(stage) as run:
        stage.postpone_deadline(run, _LONG_RUN)
        stage.wait_for_all_received(run)
        victim = stage.worker_at("lookup_directory")
        victim.kill()
        stage.age_messages()
    yield
    stage.wait_for_end(run - 1, seconds=25)  # the other worker finishes it before its deadline
    stage.restart(victim.name)


@kind("worker killed during lookup, messages lost", times=2)
def killed_with_its_messages(stage: Stage) -> Generator[None]:
    """Lose messages that a worker has taken but not yet recorded as unacknowledged.

    Celery's transport takes a message with BRPOP, so the worker then has the only copy.
    Housekeeping closes such a run at its deadline.
    """
    with lookups_held(stage) as run:
        stage.wait_for_all_received(run)
        victim = stage.worker_at("lookup_directory")
        victim.kill()
        stage.lose_messages()
    yield
    stage.restart(victim.name)
    stage.wait_for_end(run - 1)


@kind("both workers killed during lookup", times=1, stops_housekeeping=True)
def both_killed(stage: Stage) -> Generator[None]:
    held = stage.github.strike("slow", [_HELD], LOOKUP, 8)
    stage.writer.change(directories=8)
    stage.tick()
    stage.wait_for_strike(held)
    for worker in stage.workers:
        worker.kill()
    yield
    for worker in stage.workers:
        stage.restart(worker.name)


@kind("worker killed during a GraphQL query", times=2)
def killed_in_query(stage: Stage) -> Generator[None]:
    held = stage.github.strike("slow", [_HELD], QUERY, 3)
    stage.writer.renew(directories=6)
    stage.tick()
    stage.wait_for_strike(held)
    yield from _killed_at(stage, "lookup_directory")


@kind("worker frozen during listing", times=1)
def frozen_in_list(stage: Stage) -> Generator[None]:
    held = stage.github.strike("slow", [_HELD], ROOT_TREE, 1)
    stage.tick()
    stage.wait_for_strike(held)
    with stage.worker_at("list_directories").frozen():
        stage.wait(stage.deadline + 3)
        yield


@kind("worker frozen during lookup", times=1)
def frozen_in_lookup(stage: Stage) -> Generator[None]:
    held = stage.github.strike("slow", [_HELD], LOOKUP, 2)
    stage.writer.change(directories=8)
    stage.tick()
    stage.wait_for_strike(held)
    with stage.worker_at("lookup_directory").frozen():
        stage.wait(stage.deadline + 3)
        yield


@kind("worker frozen during publishing", times=1)
def frozen_in_publish(stage: Stage) -> Generator[None]:
    still_frozen = ExitStack()
    with publication_held(stage):
        still_frozen.enter_context(stage.worker_at("publish_contents").frozen())
    with still_frozen:
        stage.wait(stage.deadline + 5)
        yield


@kind("both workers frozen", times=1, stops_housekeeping=True)
def both_frozen(stage: Stage) -> Generator[None]:
    one, two = stage.workers
    stage.writer.change(directories=8)
    stage.tick()
    with one.frozen(), two.frozen():
        stage.wait(stage.deadline + 3)
        yield
