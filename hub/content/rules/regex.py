"""Regular expressions of PromQL, in RE2: it has the syntax of Go's package, and linear time."""

import re
from functools import lru_cache

import re2

_OPTIONS = re2.Options()
_OPTIONS.dot_nl = True  # as in Prometheus
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 64 * 1024  # bytes; an expression that needs less is compiled within 3 ms
_ANY_BYTE = re.compile(r"(?:[^\\]|\\[^C])*\\C", re.DOTALL)  # RE2 has it, Go does not
_TOO_LARGE = b"pattern too large"


class TooLarge(Exception):
    """The expression is not checked, because it needs too much memory."""


# The expressions of a dashboard repeat the same few regular expressions.
@lru_cache(maxsize=256)
def matches(regex: str, text: str) -> bool:
    """Return whether an expression matches a text from the start to the end.

    Raises `ValueError` if the expression is not valid, or `TooLarge`.
    """
    if _ANY_BYTE.match(regex):
        raise ValueError("invalid regular expression: invalid escape sequence: \\C")
    try:
        return re2.compile(regex, _OPTIONS).fullmatch(text) is not None
    except UnicodeEncodeError:
        raise ValueError("invalid regular expression: it is not valid UTF-8") from None
    except re2.error as error:
        reason = error.args[0]
        if reason.startswith(_TOO_LARGE):
            raise TooLarge from None
        raise ValueError(f"invalid regular expression: {reason.decode(errors='replace')}") from None
