"""Primary rate limits: requests or points per hour for each token."""

import threading
import time
from dataclasses import dataclass, field

HOUR = 3600  # seconds


@dataclass
class RateLimit:
    """The rate limit of one token. An hour lasts `hour` seconds, to speed up tests."""

    limit: int
    used: int = 0
    hour: int = HOUR
    reset: int = 0
    resource: str = "core"  # or "graphql"
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self.reset = self.reset or int(time.time()) + self.hour

    def take(self) -> bool:
        """Count a request. Return False if the limit is used up."""
        with self._lock:
            if time.time() >= self.reset:
                self.used, self.reset = 0, int(time.time()) + self.hour
            if self.used >= self.limit:
                return False
            self.used += 1
            return True

    def refund(self) -> None:
        """Uncount a request: a 304 is free."""
        with self._lock:
            self.used = max(0, self.used - 1)

    def exhaust(self, reset_in: int = HOUR, left: int = 0) -> None:
        """Use up all but `left` requests until a reset in `reset_in` seconds."""
        with self._lock:
            self.used, self.reset = self.limit - left, int(time.time()) + reset_in

    def as_json(self) -> dict[str, int]:
        """Return the limit in the format of `/rate_limit`."""
        left = max(0, self.limit - self.used)
        return {"limit": self.limit, "used": self.used, "remaining": left, "reset": self.reset}
