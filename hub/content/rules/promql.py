"""Check whether an expression is valid PromQL for a rule."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any

import promql_parser

from hub.content.rules import regex
from hub.content.rules.compatibility import Need, needs_of_expression
from hub.content.rules.metric_names import metrics_in
from hub.content.rules.rule_file import duration

# The native parser recurses for each operator and bracket: 500 of them overflow the thread stack of
# macOS (512 KB) and crash the process. Real rules have fewer than 60.
_MAX_OPERATORS = 200
_MAX_LENGTH = 20_000  # characters
# The cost of an expression: its characters, and its operators squared. The limit takes 0.3 s.
_MAX_COST = 2_500_000
_COST_PER_CHARACTER = 5
# A counted repetition or a class of Unicode in a regular expression can take 3 ms to compile.
_COSTLY = re.compile(r"\{\d|\\[pP]")
_COST_OF_COSTLY = 5_000
_OPERATOR = re.compile(r"[-+*/%^(\[{<>]|[=!]=|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
# The parts of an expression that the parser reads otherwise than Prometheus does; strings and
# comments first, because nothing in them counts.
_STRING = r"""(?:`[^`]*+`|"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+')"""
_PART = re.compile(
    rf"""
      (?P<regex>(?P<operator>[=!]~(?:\s|\#[^\n]*\n)*)(?P<literal>{_STRING}))
    | (?P<raw>`[^`]*+`) | {_STRING} | \#[^\n]*+
    | (?P<duration>(?:(?<![\w:.$])|(?<=[smhdwy]:))(?:\d+(?:ms|[smhdwy]))+(?!\w))
    | (?P<number>(?<![\w:.$])(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
    | (?P<renamed>\bholt_winters\b)
    | (?P<selector>,\s*+\{{)
    | (?P<zero>\[\s*+0\s*+[\]:] | :\s*+0\s*+\])
    | (?P<function>\b\w++(?=\s*+\())
    """,
    re.VERBOSE,
)
_OUT_OF_RANGE = "duration out of range"
_LOGQL = re.compile(
    r"""\}\s*(?:\|[=~]|![=~]\s*["`]|\|\s*(?:json|logfmt|regexp|pattern|unpack|unwrap|decolorize|"""
    r"""line_format|label_format|drop|keep)\b)"""
)


class TooComplex(Exception):
    """The expression is not checked; the message says why."""


@dataclass(frozen=True)
class Checked:
    """Why Prometheus rejects an expression ("" if it does not), and what else to know about it."""

    problem: str = ""
    warnings: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    metrics: tuple[str, ...] = ()  # `hub.content.rules.metric_names`


@dataclass
class Budget:
    """The remaining cost limit for the expressions of one file."""

    left: int = _MAX_COST

    def check(self, expr: str) -> Checked:
        """Check an expression. Raises `TooComplex`."""
        if len(expr) > _MAX_LENGTH:
            raise TooComplex(f"too long to check (more than {_MAX_LENGTH} characters)")
        self.left -= len(expr) * _COST_PER_CHARACTER
        self.left -= len(_COSTLY.findall(expr)) * _COST_OF_COSTLY
        operators = complexity(expr) if self.left > 0 else 0
        if operators > _MAX_OPERATORS:
            raise TooComplex(f"too complex to check (more than {_MAX_OPERATORS} operators)")
        self.left -= operators**2
        if self.left < 0:
            raise TooComplex("not checked: the file contains too many expressions")
        return check(expr)


def complexity(expr: str) -> int:
    """Count the operators and brackets in `expr`, including those inside strings."""
    return len(_OPERATOR.findall(expr))


def is_logql(expr: str) -> bool:
    """Whether an expression that is not valid PromQL is meant for Loki."""
    return _LOGQL.search(expr) is not None


def _parse(expr: str) -> object:
    """Parse an expression. Raises `ValueError` if it is not valid, or `TooComplex`."""
    try:
        return promql_parser.parse(expr)
    except OverflowError:
        raise ValueError(_OUT_OF_RANGE) from None
    except BaseException as panic:
        # A panic of the native parser is no `Exception`, so it would pass all other handlers.
        if type(panic).__name__ != "PanicException":
            raise
        if "Duration" in str(panic):
            raise ValueError(_OUT_OF_RANGE) from None
        raise TooComplex("not checked: the parser of the hub fails at it") from None


def _unquoted(literal: str) -> str:
    """Return the value of a string literal. Raises `ValueError` if it is not valid."""
    if literal.startswith("`") or "\\" not in literal:
        return literal[1:-1]
    parsed: Any = _parse(literal)
    return str(parsed.val)


def check(expr: str) -> Checked:
    """Check an expression that is within the limits. Raises `TooComplex`."""
    functions: set[str] = set()
    regexes: list[str] = []
    problems: list[str] = []

    def for_parser(part: re.Match[str]) -> str:
        match part.lastgroup:
            case "regex":
                # The native parser compiles with another engine: it accepts other expressions, and
                # takes 0.2 s for some. It gets the expression's number, which also matches "" if
                # the expression does: a selector must not match everything.
                regexes.append(_unquoted(part["literal"]))
                or_empty = "|" if regex.matches(regexes[-1], "") else ""
                return f'{part["operator"]}"{len(regexes) - 1}{or_empty}"'
            case "raw":
                return json.dumps(part[0][1:-1], ensure_ascii=False)
            case "duration" if duration(part[0]) is None:
                problems.append(_OUT_OF_RANGE)
            case "number":
                if math.isinf(float(part[0])):
                    problems.append(f"number out of range: {part[0][:50]}")
                return part[0].replace("_", "")
            case "zero":
                problems.append("a range must be longer than 0")
            case "renamed":
                return "double_exponential_smoothing"
            case "selector" if "info" in functions:  # it may match everything
                return part[0] + '__info__="x",'
            case "function":
                functions.add(part[0])
        return part[0]

    try:
        parsed = _parse(_PART.sub(for_parser, expr))
    except regex.TooLarge:
        raise TooComplex("a regular expression is too large to check") from None
    except ValueError as error:
        return Checked(" ".join(str(error).split())[:200] or "not valid")
    if problems:
        return Checked(problems[0][:200])
    warnings = []
    if isinstance(parsed, promql_parser.MatrixSelector | promql_parser.SubqueryExpr):
        warnings.append("the expression is a range vector, which Prometheus cannot evaluate")
    elif isinstance(parsed, promql_parser.StringLiteral):
        warnings.append("the expression is a string, which Prometheus cannot evaluate")
    return Checked(
        warnings=tuple(warnings),
        needs=tuple(needs_of_expression(expr)),
        metrics=metrics_in(parsed, regexes),
    )
