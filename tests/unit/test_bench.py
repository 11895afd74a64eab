"""The benchmark's own rules: ratios of rounds, bounds, what wrk says, what was fetched."""

import json

import pytest

from bench.figures import Figure, interleaved, ratio
from bench.windows import objects_of
from bench.wrk import WrkFailed, parse

SAID = """
  Thread Stats   Avg      Stdev     Max   +/- Stdev
  Latency Distribution
     50%    1.30ms
     99%  512.00us
  24062 requests in 2.00s, 11.94MB read
{}Requests/sec:  12031.20
"""


def test_contenders_take_turns() -> None:
    order: list[str] = []

    def contender(name: str, seconds: float) -> float:
        order.append(name)
        return seconds

    measured = interleaved({"a": lambda: contender("a", 1), "b": lambda: contender("b", 2)}, 2)
    assert order == ["a", "b", "a", "b"]
    assert measured == {"a": [1, 1], "b": [2, 2]}


def test_a_ratio_is_of_each_round() -> None:
    """A round in which the machine was slow for both counts as any other."""
    figure = ratio("x", "", [1.0, 10.0, 3.0], [2.0, 10.0, 2.0], at_least=0.8)
    assert (figure.value, figure.low, figure.high) == (1.0, 0.5, 1.5)


@pytest.mark.parametrize(
    ("value", "at_least", "at_most", "holds"),
    [
        (0.8, 0.8, None, True),
        (0.79, 0.8, None, False),
        (1.3, None, 1.3, True),
        (1.31, None, 1.3, False),
        (5.0, None, None, True),
    ],
)
def test_bounds(value: float, at_least: float | None, at_most: float | None, holds: bool) -> None:
    assert Figure("x", "", value, value, value, at_least, at_most).holds is holds


def test_what_wrk_says() -> None:
    load = parse(SAID.format(""))
    assert vars(load) == pytest.approx({"requests": 12031.2, "median": 0.0013, "p99": 0.000512})


def test_wrk_pads_seconds_with_a_space() -> None:
    assert parse(SAID.format("").replace("512.00us", "1.38s ")).p99 == 1.38


@pytest.mark.parametrize(
    "said",
    [
        SAID.format("  Non-2xx or 3xx responses: 3\n"),
        SAID.format("  Socket errors: connect 0, read 2, write 0, timeout 0\n"),
        "unable to connect to 127.0.0.1:1\n",
    ],
)
def test_an_error_is_no_speed(said: str) -> None:
    with pytest.raises(WrkFailed):
        parse(said)


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/repos/bench/exporters/git/trees/main", b"", []),
        (f"/repos/bench/exporters/git/trees/{'a' * 40}?recursive=1", b"", ["a" * 40]),
        (f"/repos/bench/exporters/git/blobs/{'b' * 40}", b"", ["b" * 40]),
        (
            "/graphql",
            json.dumps({"variables": {"owner": "bench", "o0": "c" * 40, "o1": "d" * 40}}).encode(),
            ["c" * 40, "d" * 40],
        ),
    ],
)
def test_objects_that_a_request_asks_for(path: str, body: bytes, expected: list[str]) -> None:
    assert list(objects_of(path, body)) == expected
