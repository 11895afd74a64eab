"""A logging filter that removes tokens from log records, including those of libraries."""

import logging
import re

# GitHub's documented token formats, and any Authorization header that a library may log.
_TOKEN = re.compile(
    r"(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{8,}|(?<=Bearer )[^\s'\"]+|(?<=token )[^\s'\"]{20,}"
)


def redact(text: str) -> str:
    """Replace everything in `text` that looks like a GitHub token with `[token]`."""
    return _TOKEN.sub("[token]", text)


class RedactTokens(logging.Filter):
    """Redacts the formatted message and the traceback of a log record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True
