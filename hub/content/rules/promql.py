"""Whether Prometheus would take an expression."""

import re
from dataclasses import dataclass

import promql_parser

# The parser recurses natively for each operator and bracket: 500 overflow macOS' thread stack of
# 512 KB and end the process. Rules in the wild have fewer than 60.
_MOST_OPERATORS = 200
_LONGEST = 20_000  # characters
# The cost of a file's expressions grows with characters and squared operators; this is 0.3 s.
_MOST_COST = 2_500_000
_COST_OF_CHARACTER = 5
_OPERATOR = re.compile(r"[-+*/%^(\[{<>]|[=!]=|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
# Prometheus 3 renamed it: what was written for an older one is not broken there.
_RENAMED = re.compile(r"\bholt_winters\b")


class TooComplex(Exception):
    """The expression is not judged; the text says why."""


@dataclass
class Budget:
    """What may be spent on the expressions of one file."""

    left: int = _MOST_COST

    def problem_of(self, expr: str) -> str:
        """Why a rule's `expr` is refused, or "". Raises `TooComplex` for what is not judged."""
        if len(expr) > _LONGEST:
            raise TooComplex(f"too long to be judged (more than {_LONGEST} characters)")
        self.left -= len(expr) * _COST_OF_CHARACTER
        operators = complexity(expr) if self.left > 0 else 0
        if operators > _MOST_OPERATORS:
            raise TooComplex(f"too complex to be judged (more than {_MOST_OPERATORS} operators)")
        self.left -= operators**2
        if self.left < 0:
            raise TooComplex("not judged: the file holds too many expressions")
        return problem_of(expr)


def complexity(expr: str) -> int:
    """How many operators and brackets `expr` has, those inside strings included."""
    return len(_OPERATOR.findall(expr))


def problem_of(expr: str) -> str:
    """As `Budget.problem_of`, for an expression that is known to be safe."""
    try:
        parsed = promql_parser.parse(_RENAMED.sub("double_exponential_smoothing", expr))
    except ValueError as error:
        return " ".join(str(error).split())[:200] or "not valid"
    if isinstance(parsed, promql_parser.MatrixSelector | promql_parser.SubqueryExpr):
        return "a range vector: a rule needs an instant vector or a number"
    if isinstance(parsed, promql_parser.StringLiteral):
        return "a string: a rule needs an instant vector or a number"
    return ""
