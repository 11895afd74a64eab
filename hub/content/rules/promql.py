"""Check whether an expression is valid PromQL for a rule."""

import re
from dataclasses import dataclass

import promql_parser

# The native parser recurses for each operator and bracket: 500 of them overflow the thread stack of
# macOS (512 KB) and crash the process. Real rules have fewer than 60.
_MAX_OPERATORS = 200
_MAX_LENGTH = 20_000  # characters
# The cost of an expression: its characters, and its operators squared. The limit takes 0.3 s.
_MAX_COST = 2_500_000
_COST_PER_CHARACTER = 5
_OPERATOR = re.compile(r"[-+*/%^(\[{<>]|[=!]=|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
# Prometheus 3 renamed this function; expressions for older versions are valid, too.
_RENAMED = re.compile(r"\bholt_winters\b")


class TooComplex(Exception):
    """The expression is not checked; the message says why."""


@dataclass
class Budget:
    """The remaining cost limit for the expressions of one file."""

    left: int = _MAX_COST

    def problem_of(self, expr: str) -> str:
        """Return why `expr` is invalid in a rule, or "". Raises `TooComplex`."""
        if len(expr) > _MAX_LENGTH:
            raise TooComplex(f"too long to check (more than {_MAX_LENGTH} characters)")
        self.left -= len(expr) * _COST_PER_CHARACTER
        operators = complexity(expr) if self.left > 0 else 0
        if operators > _MAX_OPERATORS:
            raise TooComplex(f"too complex to check (more than {_MAX_OPERATORS} operators)")
        self.left -= operators**2
        if self.left < 0:
            raise TooComplex("not checked: the file contains too many expressions")
        return problem_of(expr)


def complexity(expr: str) -> int:
    """Count the operators and brackets in `expr`, including those inside strings."""
    return len(_OPERATOR.findall(expr))


def problem_of(expr: str) -> str:
    """Return why `expr` is invalid in a rule, or "". Only for expressions within the limits."""
    try:
        parsed = promql_parser.parse(_RENAMED.sub("double_exponential_smoothing", expr))
    except ValueError as error:
        return " ".join(str(error).split())[:200] or "not valid"
    if isinstance(parsed, promql_parser.MatrixSelector | promql_parser.SubqueryExpr):
        return "a range vector: a rule needs an instant vector or a number"
    if isinstance(parsed, promql_parser.StringLiteral):
        return "a string: a rule needs an instant vector or a number"
    return ""
