"""Tests of the chart of the last runs."""

from datetime import UTC, datetime, timedelta

from hub.models import RefreshRun, RunStatus
from hub.templatetags.exporters import mark
from hub.web.pages.chart import chart

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def run(seconds: float, status: RunStatus = RunStatus.PUBLISHED) -> RefreshRun:
    return RefreshRun(status=status, started_at=NOON, finished_at=NOON + timedelta(seconds=seconds))


def test_each_line_is_ten_times_the_line_below() -> None:
    drawn = chart([run(1), run(10), run(100)])
    assert drawn.lines == ["100 s", "10 s", "1 s", "0.1 s"]
    assert [round(bar.height) for bar in drawn.bars] == [100, 67, 33]
    assert [round(bar.top) for bar in drawn.bars] == [0, 33, 67]


def test_the_shortest_run_is_visible() -> None:
    assert chart([run(0.001)]).bars[0].height == 3
    assert chart([run(0.001)]).lines == ["10 s", "1 s", "0.1 s"]


def test_no_runs() -> None:
    assert chart([]).bars == []


def test_icons_of_statuses() -> None:
    assert mark(run(1)) == "ok"
    assert mark(run(1, RunStatus.UNCHANGED)) == "absent"
    assert mark(run(1, RunStatus.FAILED)) == "broken"
    assert mark(run(1, RunStatus.HELD)) == mark(run(1, RunStatus.NO_TOKEN)) == "unknown"
    assert mark(run(1, RunStatus.LOOKING_UP)) == "running"
