"""Faults of Redis: killed, frozen or down, data or results lost, messages delivered twice."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

from tests.common.processes import kill_server
from tests.faults.kinds import kind
from tests.faults.kinds.workers import (
    LOOKUP,
    broken_in_lookup,
    broken_in_publication,
    lookups_held,
    publication_held,
)
from tests.faults.stage import Stage

_DOWN = 60  # seconds
_OLD_RUNS = 5


@kind("Redis killed during a chord", times=3, stops_housekeeping=True, short=True)
def killed(stage: Stage) -> Generator[None]:
    _chord_in_midst(stage)
    kill_server(stage.redis)
    yield
    stage.redis.start()
    stage.wait_for_consumers()


@kind("Redis killed during a chord, data lost", times=2, stops_housekeeping=True)
def killed_and_emptied(stage: Stage) -> Generator[None]:
    _chord_in_midst(stage)
    kill_server(stage.redis)
    stage.forget_redis_data()
    yield
    stage.redis.start()
    stage.wait_for_consumers()


@kind("Redis down for 60 s", times=1, stops_housekeeping=True)
def down(stage: Stage) -> Generator[None]:
    kill_server(stage.redis)
    stage.wait(_DOWN)
    yield
    stage.redis.start()
    stage.wait_for_consumers()


@contextmanager
def _full_memory(stage: Stage) -> Iterator[None]:
    """Inside the block, Redis rejects all writes, as it does at its memory limit."""
    stage.broker().config_set("maxmemory", 1)
    try:
        yield
    finally:
        stage.broker().config_set("maxmemory", 0)


@kind("Redis at its memory limit during lookup", times=3, stops_housekeeping=True)
def full_in_lookup(stage: Stage) -> Generator[None]:
    yield from broken_in_lookup(stage, _full_memory)


@kind("Redis at its memory limit during publishing", times=2, stops_housekeeping=True)
def full_in_publish(stage: Stage) -> Generator[None]:
    yield from broken_in_publication(stage, _full_memory)


@kind("Redis frozen", times=1, stops_housekeeping=True)
def frozen(stage: Stage) -> Generator[None]:
    _chord_in_midst(stage)
    with stage.frozen_server(stage.redis):
        stage.wait(stage.deadline + 3)
        yield
    stage.wait_for_consumers()


@kind("result keys lost during a chord", times=2)
def results_lost(stage: Stage) -> Generator[None]:
    with lookups_held(stage) as run:
        stage.forget_results()
    yield
    stage.wait_for_end(run - 1)


@kind("lookup messages delivered twice concurrently", times=3)
def lookups_redelivered(stage: Stage) -> Generator[None]:
    with _only_messages_of_the_fault(stage), lookups_held(stage):
        stage.age_messages()
        stage.wait_for_second_delivery("lookup_directory")
    yield


@kind("publish message delivered twice concurrently", times=3, short=True)
def publication_redelivered(stage: Stage) -> Generator[None]:
    with _only_messages_of_the_fault(stage), publication_held(stage):
        stage.age_messages()
        stage.wait_for_second_delivery("publish_contents")
    yield


@kind("messages of old runs redelivered", times=5, short=True)
def old_messages(stage: Stage) -> Generator[None]:
    with stage.writer.quiet():
        before = stage.newest_run()
        stage.tick()
        stage.wait_for_status(before, "unchanged")
        before = stage.newest_run()
        stage.writer.change()
        stage.tick()
        stage.wait_for_status(before, "published")
    sent = []
    for run, directory in stage.query(
        "SELECT id, (SELECT min(directory) FROM hub_lookup WHERE run_id = hub_refreshrun.id)"
        " FROM hub_refreshrun WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT %s",
        [_OLD_RUNS],
    ):
        sent.append(stage.send("tasks.refresh.list_directories", run))
        sent.append(stage.send("tasks.refresh.publish_contents", [], run))
        if directory:
            sent.append(stage.send("tasks.refresh.lookup_directory", run, directory))
    stage.wait_until_done(sent)
    yield


@contextmanager
def _only_messages_of_the_fault(stage: Stage) -> Iterator[None]:
    """Keep other messages out: they would wait for the same lock and fill the workers."""
    with stage.parts["beat"].frozen():
        stage.finish_old_messages()
        yield


def _chord_in_midst(stage: Stage) -> None:
    """Start a chord whose lookups wait for GitHub."""
    held = stage.github.strike("slow", [0.8], LOOKUP, 4)
    stage.writer.change(directories=6)
    stage.tick()
    stage.wait_for_strike(held)
