"""Tests of PromQL expressions in rules."""

import pytest

from hub.content.rules.promql import Budget, TooComplex, complexity, problem_of


@pytest.mark.parametrize(
    "expr",
    [
        "up == 0",
        "1 > bool 0",
        'sum by (instance) (rate(http_requests_total{code=~"5.."}[5m])) > 0.1',
        "absent(up) or vector(1) unless on(job) y",
        "max_over_time(deriv(x[5m])[1h:1m] offset 1d)",
        "holt_winters(x[10m], 0.5, 0.5)",
        "-x ^ 2 % 3",
        "x @ end()",
    ],
)
def test_what_prometheus_takes(expr: str) -> None:
    assert problem_of(expr) == ""


@pytest.mark.parametrize(
    ("expr", "reason"),
    [
        ("up ==", ""),
        ("sum(up", ""),
        ("up up", ""),
        ("up{", "unexpected end of input inside braces"),
        ("nosuch(up)", "unknown function"),
        ("rate(up)", "expected type"),
        ("up[5m]", "a range vector"),
        ("up[5m:1m]", "a range vector"),
        ('"up"', "a string"),
        ('sum(rate({app="x"} |= "error" [5m]))', ""),
        ("{}", ""),
    ],
)
def test_what_prometheus_refuses(expr: str, reason: str) -> None:
    problem = problem_of(expr)
    assert problem
    assert reason in problem


@pytest.mark.parametrize(
    ("expr", "operators"),
    [("up", 0), ("a + b - c", 2), ("A AND b Or c", 2), ("f(g(x[5m]))", 3), ('"((("', 3)],
)
def test_operators_are_counted(expr: str, operators: int) -> None:
    assert complexity(expr) == operators


@pytest.mark.parametrize(
    ("expr", "reason"),
    [
        ("a" + "+a" * 201, "too complex to check (more than 200 operators)"),
        ("(" * 201, "too complex to check"),
        ("a" * 20_001, "too long to check (more than 20000 characters)"),
    ],
)
def test_what_is_not_safe_to_parse(expr: str, reason: str) -> None:
    with pytest.raises(TooComplex, match=reason.replace("(", r"\(").replace(")", r"\)")):
        Budget().problem_of(expr)


def fitting(expr: str) -> int:
    """Return how many times a file may contain the expression."""
    budget = Budget()
    for count in range(1_000_000):
        try:
            budget.problem_of(expr)
        except TooComplex:
            return count
    raise AssertionError("there is no end")


@pytest.mark.parametrize(
    ("expr", "count"), [("a" + "+a" * 200, 59), ("a" * 20_000, 25), ("x + y", 96_153)]
)
def test_the_number_of_expressions_is_limited(expr: str, count: int) -> None:
    assert fitting(expr) == count


def test_expressions_beyond_the_limit_are_reported() -> None:
    budget = Budget()
    for _ in range(25):
        budget.problem_of("a" * 20_000)
    with pytest.raises(TooComplex, match="not checked: the file contains too many expressions"):
        budget.problem_of("up")
