"""Keeps tokens out of log lines, also those of libraries."""

import logging
import re

# GitHub's documented token forms, and any Authorization header that a library may print.
_TOKEN = re.compile(
    r"(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{8,}|(?<=Bearer )[^\s'\"]+|(?<=token )[^\s'\"]{20,}"
)


def redact(text: str) -> str:
    """`text` with everything that looks like a GitHub token replaced by `[token]`."""
    return _TOKEN.sub("[token]", text)


class RedactTokens(logging.Filter):
    """Redacts a finished message and its traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True
