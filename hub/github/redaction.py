"""Remove tokens from texts. The log's format (`hub.ops.log_format`) does it with every line."""

import re

# GitHub's documented token formats, and any Authorization header that a library may log.
_TOKEN = re.compile(
    r"(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{8,}|(?<=Bearer )[^\s'\"]+|(?<=token )[^\s'\"]{20,}"
)


def redact(text: str) -> str:
    """Replace everything in `text` that looks like a GitHub token with `[token]`."""
    return _TOKEN.sub("[token]", text)
