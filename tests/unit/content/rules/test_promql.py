"""Tests of PromQL expressions in rules."""

import pytest

from hub.content.rules.promql import Budget, TooComplex, check, complexity, is_logql


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
        "up > 1_000",
        "up{job=~`a\\.b`, x='#[0]'} # [0]",
        '{"a.b", "c d"="e"} > 0',
        r'up{a=~"\\Qa.b\\E|(?P<n>x)(?P<n>y)|\\P{^Lu}|[a&&b]|x{,3}"}',
        "up{a=~`\\d+`, b!~'it\\'s'}",
        "up{a=~ # a comment\n 'b+'}",
        "up # {a=~'b**'}",
        """up{a="b=~'c**'"}""",
        '{a!~"x*"}',
        "rate(up[250y:1m] offset 1h30m)",
        "up > 1e308",
    ],
)
def test_what_prometheus_takes(expr: str) -> None:
    assert check(expr).problem == ""


@pytest.mark.parametrize(
    ("expr", "reason"),
    [
        ("up ==", ""),
        ("sum(up", ""),
        ("up up", ""),
        ("up{", "unexpected end of input inside braces"),
        ("nosuch(up)", "unknown function"),
        ("rate(up)", "expected type"),
        ("rate(up[0])", "a range must be longer than 0"),
        ("max_over_time(up[5m:0])", "a range must be longer than 0"),
        ("up == \N{NO-BREAK SPACE}0", ""),
        ('sum(rate({app="x"} |= "error" [5m]))', ""),
        ("{}", ""),
        # The native parser panics at these, and raises OverflowError at the last one.
        ("rate(up[1e400])", "duration out of range"),
        ("up offset 1e30", "duration out of range"),
        ("up offset -1e30", "duration out of range"),
        ("up offset Inf", "duration out of range"),
        ("max_over_time(up[5m:1e30])", "duration out of range"),
        ("rate(up[1e19])", "duration out of range"),
        ("up offset 300y", "duration out of range"),
        ("rate(up[5m:99999999y])", "duration out of range"),
        ("up > 1e999", "number out of range"),
        ("up > .5e999", "number out of range"),
        # What Go's regular expressions do not have, but those of other languages do.
        ('up{a=~"b**"}', "invalid regular expression: bad repetition operator: **"),
        ("up{a!~`b++`}", "bad repetition operator"),
        ('up{a=~"b{1001}"}', "invalid repetition size"),
        ('up{a=~"(?x)b"}', "invalid perl operator"),
        ('up{a=~"(?=b)"}', "invalid perl operator"),
        ('up{a=~"[[:foo:]]"}', "invalid character class range"),
        (r'up{a=~"\\u0041"}', "invalid escape sequence"),
        (r'up{a=~"\\C"}', "invalid escape sequence"),
        (r'up{a=~"\d"}', "unknown escape sequence"),
        (r"""up{a=~"\'"}""", "unknown escape sequence"),
        ('up{a=~ # a comment\n "b**"}', "bad repetition operator"),
        ('{a=~".*"}', ""),
        ("{a=~'x|'}", ""),
        ("{a!~'.+'}", ""),
    ],
)
def test_what_prometheus_refuses(expr: str, reason: str) -> None:
    problem = check(expr).problem
    assert problem
    assert reason in problem


@pytest.mark.parametrize(
    ("expr", "warning"),
    [
        ("up[5m]", "the expression is a range vector, which Prometheus cannot evaluate"),
        ("up[5m:1m]", "the expression is a range vector, which Prometheus cannot evaluate"),
        ('"up"', "the expression is a string, which Prometheus cannot evaluate"),
    ],
)
def test_what_prometheus_takes_but_may_not_evaluate(expr: str, warning: str) -> None:
    checked = check(expr)
    assert (checked.problem, checked.warnings) == ("", (warning,))


def test_a_large_regular_expression_is_not_checked() -> None:
    with pytest.raises(TooComplex, match="a regular expression is too large to check"):
        check(r'up{a=~"\\pL{200}"}')


def test_logql_is_recognized() -> None:
    assert is_logql('sum(rate({app="x"} |= "error" [1m])) > 1')
    assert is_logql('{app="x"} | json | level="error"')
    assert not is_logql('up{app="x"} == "')


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
        Budget().check(expr)


def fitting(expr: str) -> int:
    """Return how many times a file may contain the expression."""
    budget = Budget()
    for count in range(1_000_000):
        try:
            budget.check(expr)
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
        budget.check("a" * 20_000)
    with pytest.raises(TooComplex, match="not checked: the file contains too many expressions"):
        budget.check("up")
