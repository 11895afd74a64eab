"""The request budget that all workers share, so that GitHub's secondary limits are never reached.

GitHub allows a token 900 points a minute over REST, where a GET is 1 and a write 5, and 2,000 over
GraphQL, where a query is 1 ("Rate limits for the REST API" and for the GraphQL API).
"""

import logging
from functools import cache

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
from hub.models.choices import Resource

logger = logging.getLogger(__name__)

READ, WRITE = 1, 5  # points
# Longer than a window, so there is room in time unless far too many wait for it.
_LONGEST_WAIT = 90  # seconds
_REDIS_TIMEOUT = 2.0  # seconds; better no budget than a lookup that waits for Redis


class RequestBudget:
    """A number of points a minute for each token and resource, counted in Redis; 0: no limit."""

    def __init__(self, points_per_minute: dict[Resource, int], redis_url: str) -> None:
        self._windows: dict[str, RateLimitItem] = {
            resource: RateLimitItemPerMinute(points)
            for resource, points in points_per_minute.items()
            if points
        }
        # "Wait at least one second between each request" that writes (Best practices, same site).
        self._write = RateLimitItemPerSecond(1)
        pool: ConnectionPool = ConnectionPool.from_url(
            redis_url,
            socket_timeout=_REDIS_TIMEOUT,
            socket_connect_timeout=_REDIS_TIMEOUT,
            # A pooled connection may have died; redis-py would try ten times.
            retry=Retry(NoBackoff(), 1),
        )
        self._limiter = MovingWindowRateLimiter(RedisStorage(redis_url, connection_pool=pool))

    def spend(self, token_id: int, resource: Resource, points: int = READ) -> None:
        """Wait for room for `points` under this token, and take it. Raises `BudgetSpent`."""
        window = self._windows.get(resource)
        if window is None:
            return
        try:
            self._wait_for(window, f"github:{resource}:{token_id}", points)
            if points >= WRITE:
                self._wait_for(self._write, "github:writes", 1)
        except RetryError:
            raise BudgetSpent("the hub's request budget for this minute is used up") from None
        except RedisError:
            # The budget avoids secondary limits, which the client handles too: without Redis it is
            # better to continue than to fail.
            logger.warning("request budget not reachable, continuing without it")

    def _wait_for(self, window: RateLimitItem, key: str, cost: int) -> None:
        Retrying(
            retry=retry_if_result(lambda taken: not taken),
            wait=wait_random(0.05, 0.5),  # seconds; random, so that waiters do not retry together
            stop=stop_after_delay(_LONGEST_WAIT),
        )(self._limiter.hit, window, key, cost=cost)


@cache
def shared_budget() -> RequestBudget:
    """The process's handle on the budget that all processes share."""
    points = {
        Resource.CORE: settings.GITHUB_POINTS_PER_MINUTE,
        Resource.GRAPHQL: settings.GITHUB_GRAPHQL_POINTS_PER_MINUTE,
    }
    return RequestBudget(points, settings.REDIS_URL)
