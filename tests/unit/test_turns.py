"""The web's threads take turns at the interpreter (`config.thread_fairness`)."""

from collections.abc import Iterable
from typing import Any

import pytest

from config import thread_fairness


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    clock = Clock()
    monkeypatch.setattr(thread_fairness, "monotonic", lambda: clock.now)
    monkeypatch.setattr(thread_fairness, "sleep", clock.stepped_aside.append)
    return clock


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.stepped_aside: list[float] = []


def _answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [environ["say"]]


def _ask(application: thread_fairness.TakingTurns, clock: Clock, times: int, apart: float) -> None:
    for _ in range(times):
        clock.now += apart
        assert application({"say": b"hello"}, lambda *_: None) == [b"hello"]


def test_a_busy_thread_steps_aside_every_so_often(clock: Clock) -> None:
    _ask(thread_fairness.TakingTurns(_answer), clock, times=101, apart=thread_fairness.EVERY / 10)
    assert len(clock.stepped_aside) == 10
    assert all(0 < seconds < thread_fairness.EVERY for seconds in clock.stepped_aside)


def test_nobody_is_kept_waiting_when_there_is_nobody_else(clock: Clock) -> None:
    _ask(thread_fairness.TakingTurns(_answer), clock, times=100, apart=thread_fairness.EVERY * 2)
    assert clock.stepped_aside == []
