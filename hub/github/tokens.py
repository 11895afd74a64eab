"""Which token to use, and what GitHub reports for each.

Every answer of GitHub brings a newer quota: 50 threads would wait for one row if each were written,
so a process writes a quota once a second at most and remembers the newest until then.
"""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hub.github.errors import BadToken, NoToken, RateLimited, SecondaryLimited
from hub.models import GitHubToken, Quota, Resource, TokenState
from hub.models.access import quota_fields

_WRITE_EVERY = 1.0  # seconds
_SAME_HOUR = timedelta(minutes=1)


@dataclass(frozen=True)
class Token:
    """A token as the client needs it. Its secret never shows in a repr, so in no log line."""

    id: int
    secret: str = field(repr=False)


def adopt_environment_token() -> None:
    """Keep `GITHUB_TOKEN` of the environment in Postgres, and forget it when it was removed."""
    secret = settings.GITHUB_TOKEN
    adopted = GitHubToken.objects.filter(from_environment=True).first()
    if (str(adopted.secret) if adopted else "") == secret:
        return  # as nearly always
    with transaction.atomic():
        kept = GitHubToken.objects.select_for_update().filter(from_environment=True).first()
        if kept and kept.secret != secret:
            kept.delete()
        if secret:
            # Two runs may start at once: the second finds what the first has made.
            values = {"name": "GITHUB_TOKEN (environment)", "secret": secret}
            GitHubToken.objects.get_or_create(from_environment=True, defaults=values)


class TokenPool:
    """Chooses among the tokens in Postgres; thread-safe, one a process."""

    def __init__(self) -> None:
        self._newest: dict[tuple[int, Resource], Quota] = {}
        self._written: dict[tuple[int, Resource], float] = {}
        self._lock = threading.Lock()

    def choose(self, resource: Resource = Resource.CORE) -> Token:
        """The usable token with most requests left of a resource.

        Raises `NoToken` (there is none), `BadToken` (GitHub refused all), `RateLimited` or
        `SecondaryLimited` (all others must wait; until the earliest of their times).
        """
        now = timezone.now()
        tokens = list(GitHubToken.objects.all())
        if not tokens:
            raise NoToken("no GitHub token")
        valid = [token for token in tokens if token.state != TokenState.INVALID]
        if not valid:
            raise BadToken("GitHub refuses every token")
        free = [token for token in valid if (token.blocked_until or now) <= now]
        if not free:
            until = min(token.blocked_until for token in valid if token.blocked_until)
            raise SecondaryLimited("GitHub asked to wait", until)
        quotas = {token: self._quota(token, resource) for token in free}
        left = {
            token: quota.remaining if quota and quota.reset_at > now else float("inf")
            for token, quota in quotas.items()
        }
        best = max(free, key=left.__getitem__)
        if left[best] <= 0:
            reset_at = min(quota.reset_at for quota in quotas.values() if quota)
            raise RateLimited(f"GitHub's {resource.label} limit of this hour is used up", reset_at)
        return Token(best.pk, str(best.secret))

    def _quota(self, token: GitHubToken, resource: Resource) -> Quota | None:
        """The newest quota that this process or Postgres knows."""
        stored, seen = token.quota(resource), self._newest.get((token.pk, resource))
        if stored is None or seen is None:
            return stored or seen
        # A later reset is of a newer hour; within one hour, which answers give to about a second,
        # the smaller rest is newer.
        if abs(stored.reset_at - seen.reset_at) < _SAME_HOUR:
            return min(stored, seen, key=lambda quota: quota.remaining)
        return max(stored, seen, key=lambda quota: quota.reset_at)

    def answered(self, token: Token, quota: Quota | None) -> None:
        """GitHub accepted `token`; `quota` is what it reported."""
        if quota is None:
            return
        key = (token.id, quota.resource)
        with self._lock:
            self._newest[key] = quota
            if quota.remaining and monotonic() - self._written.get(key, 0.0) < _WRITE_EVERY:
                return
            self._written[key] = monotonic()
        self._write(token, quota, state=TokenState.VALID, used_at=timezone.now())

    def refused(self, token: Token) -> None:
        """GitHub answered 401: this token is invalid, and only this one."""
        row = GitHubToken.objects.filter(pk=token.id)
        row.update(state=TokenState.INVALID, used_at=timezone.now())

    def used_up(self, token: Token, resource: Resource, reset_at: datetime) -> None:
        """The rate limit of a resource is reached until `reset_at`."""
        row = GitHubToken.objects.filter(pk=token.id).first()
        with self._lock:
            seen = self._quota(row, resource) if row else None
            quota = Quota(resource, seen.limit if seen else 0, 0, reset_at)
            self._newest[token.id, resource] = quota
        self._write(token, quota)

    def blocked(self, token: Token, until: datetime) -> None:
        """A secondary limit: do not use `token` before `until`."""
        GitHubToken.objects.filter(pk=token.id).update(blocked_until=until)

    def _write(self, token: Token, quota: Quota, **others: object) -> None:
        values = (quota.limit, quota.remaining, quota.reset_at)
        fields = dict(zip(quota_fields(quota.resource), values, strict=True))
        GitHubToken.objects.filter(pk=token.id).update(**fields, **others)


@cache
def shared_pool() -> TokenPool:
    """The process's pool."""
    return TokenPool()
