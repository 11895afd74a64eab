"""A request budget shared by all workers, to stay below GitHub's secondary rate limits.

GitHub allows each token 900 points a minute over REST (a GET costs 1 point, a write 5) and 2,000
over GraphQL (a query costs 1): see "Rate limits for the REST API" and "… for the GraphQL API".
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
# Longer than the one-minute window, so a request only fails when far too many are waiting.
_MAX_WAIT = 90  # seconds
_REDIS_TIMEOUT = 2.0  # seconds; a lookup continues without a budget rather than wait for Redis


class RequestBudget:
    """Points per minute for each token and resource, counted in Redis. 0 means no limit."""

    def __init__(self, points_per_minute: dict[Resource, int], redis_url: str) -> None:
        self._windows: dict[str, RateLimitItem] = {
            resource: RateLimitItemPerMinute(points)
            for resource, points in points_per_minute.items()
            if points
        }
        # "Wait at least one second between each request" that writes (GitHub's "Best practices").
        self._write = RateLimitItemPerSecond(1)
        pool: ConnectionPool = ConnectionPool.from_url(
            redis_url,
            socket_timeout=_REDIS_TIMEOUT,
            socket_connect_timeout=_REDIS_TIMEOUT,
            # One retry for a broken pooled connection; the default of redis-py is ten.
            retry=Retry(NoBackoff(), 1),
        )
        self._limiter = MovingWindowRateLimiter(RedisStorage(redis_url, connection_pool=pool))

    def spend(self, token_id: int, resource: Resource, points: int = READ) -> None:
        """Wait until the token has `points` left, and spend them. Raises `BudgetSpent`."""
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
            # It is better to continue than to fail: the client also handles secondary limits.
            logger.warning("request budget not available in Redis, continuing without it")

    def _wait_for(self, window: RateLimitItem, key: str, cost: int) -> None:
        Retrying(
            retry=retry_if_result(lambda taken: not taken),
            wait=wait_random(0.05, 0.5),  # seconds; random, so that threads do not retry together
            stop=stop_after_delay(_MAX_WAIT),
        )(self._limiter.hit, window, key, cost=cost)


@cache
def shared_budget() -> RequestBudget:
    """Return this process's instance of the budget that all processes share."""
    points = {
        Resource.CORE: settings.GITHUB_POINTS_PER_MINUTE,
        Resource.GRAPHQL: settings.GITHUB_GRAPHQL_POINTS_PER_MINUTE,
    }
    return RequestBudget(points, settings.REDIS_URL)
