"""The request budget that all workers share, so that GitHub's secondary limits are never met.

GitHub allows a token 900 points a minute: a GET is 1, a write 5 ("Rate limits for the REST API").
"""

import logging
import threading
from functools import cache
from time import monotonic

from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_random

from hub.github.errors import BudgetSpent

logger = logging.getLogger(__name__)

# Longer than a window, so a place always comes up unless far too many wait for it.
LONGEST_WAIT = 90  # seconds
READ, WRITE = 1, 5  # points
# A process takes points for several reads at once, a small share of what a minute has, and uses
# them within this many seconds or lets them lapse: to ask Redis costs as much as half a request.
_SHARE = 100
_MOST_AT_ONCE = 10
_LAPSE = 1.0
_PATIENCE = 2.0  # seconds that Redis may take for an answer: better none than a lookup that waits


class RequestBudget:
    """So many points a minute and token, counted in Redis; 0 means without limit."""

    def __init__(self, points_per_minute: int, redis_url: str) -> None:
        self._item = RateLimitItemPerMinute(points_per_minute) if points_per_minute else None
        self._at_once = max(READ, min(_MOST_AT_ONCE, points_per_minute // _SHARE))
        self._in_hand: dict[int, tuple[int, float]] = {}  # token → points, and when they lapse
        self._lock = threading.Lock()
        # "Make requests serially, with a second between writes" (the same page).
        self._write = RateLimitItemPerSecond(1)
        pool: ConnectionPool = ConnectionPool.from_url(
            redis_url,
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
            # A pooled connection may have died; redis-py would try ten times.
            retry=Retry(NoBackoff(), 1),
        )
        self._limiter = MovingWindowRateLimiter(RedisStorage(redis_url, connection_pool=pool))

    def spend(self, token_id: int, points: int = READ) -> None:
        """Wait until there is room for `points` under this token, and take it.

        Raises `BudgetSpent` when there was none within `LONGEST_WAIT`.
        """
        if self._item is None or (points == READ and self._take(token_id)):
            return
        try:
            if points == READ and self._limiter.hit(
                self._item, f"github:{token_id}", cost=self._at_once
            ):
                self._put(token_id, self._at_once - READ)
                return
            self._wait_for(self._item, f"github:{token_id}", points)
            if points >= WRITE:
                self._wait_for(self._write, "github:writes", 1)
        except RetryError:
            raise BudgetSpent("the hub's request budget for this minute is used up") from None
        except RedisError:
            # The budget protects from a secondary limit, which the client also handles: without
            # Redis it is better to go on than to fail.
            logger.warning("request budget not reachable, going on without it")

    def _take(self, token_id: int) -> bool:
        """Take a read's point from those in hand."""
        with self._lock:
            points, until = self._in_hand.get(token_id, (0, 0.0))
            if points < READ or monotonic() > until:
                return False
            self._in_hand[token_id] = points - READ, until
            return True

    def _put(self, token_id: int, points: int) -> None:
        with self._lock:
            self._in_hand[token_id] = points, monotonic() + _LAPSE

    def _wait_for(self, item: RateLimitItem, key: str, cost: int) -> None:
        waiting = Retrying(
            retry=retry_if_result(lambda taken: not taken),
            wait=wait_random(0.05, 0.5),  # seconds; spread, or all waiters would ask at once
            stop=stop_after_delay(LONGEST_WAIT),
        )
        waiting(self._limiter.hit, item, key, cost=cost)


@cache
def shared_budget() -> RequestBudget:
    """The process's handle on the cluster-wide budget of the settings."""
    return RequestBudget(settings.GITHUB_POINTS_PER_MINUTE, settings.REDIS_URL)
