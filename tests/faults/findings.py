"""What the checker reports."""

from dataclasses import dataclass

LOST, WRONG, STUCK = "lost", "wrong", "stuck"


@dataclass(frozen=True)
class Finding:
    """A broken promise; `at` is the time in seconds since the epoch."""

    verdict: str
    at: float
    what: str
