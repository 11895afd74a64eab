"""The primary limits: so many requests or points an hour for each token, as GitHub counts them."""

import threading
import time
from dataclasses import dataclass, field

HOUR = 3600  # seconds


@dataclass
class RateLimit:
    """One token's hour, which lasts `hour` seconds. `remaining` may be set by tests."""

    limit: int
    used: int = 0
    hour: int = HOUR
    reset: int = 0
    resource: str = "core"  # or "graphql"
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self.reset = self.reset or int(time.time()) + self.hour

    def take(self) -> bool:
        """Count a request; False when the hour's are used up."""
        with self._lock:
            if time.time() >= self.reset:
                self.used, self.reset = 0, int(time.time()) + self.hour
            if self.used >= self.limit:
                return False
            self.used += 1
            return True

    def give_back(self) -> None:
        """A 304 is free of cost."""
        with self._lock:
            self.used = max(0, self.used - 1)

    def exhaust(self, reset_in: int = HOUR, left: int = 0) -> None:
        """Use up all but `left`; `reset_in` seconds from now there is more."""
        with self._lock:
            self.used, self.reset = self.limit - left, int(time.time()) + reset_in

    def as_json(self) -> dict[str, int]:
        """As `/rate_limit` has it."""
        left = max(0, self.limit - self.used)
        return {"limit": self.limit, "used": self.used, "remaining": left, "reset": self.reset}
