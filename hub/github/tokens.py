"""The pool of GitHub tokens and their quotas.

Every response of GitHub contains a newer quota. If each were written, 50 threads would wait for one
row, so a process writes a quota at most once a second and keeps the newest in memory.
"""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.db.models import F

from hub import clock
from hub.github.errors import BadToken, NoToken, RateLimited, SecondaryLimited, WrongKey
from hub.models import Exporter, GitHubToken, Quota, Resource, TokenState
from hub.models.access import is_pending, quota_fields

_WRITE_INTERVAL = 1.0  # seconds
_SAME_WINDOW = timedelta(minutes=1)


@dataclass(frozen=True)
class Token:
    """A decrypted token. Its secret is not part of the repr, so it does not reach a log.

    `label` is its name in metrics.
    """

    id: int
    secret: str = field(repr=False)
    label: str = field(default="", compare=False)


def adopt_environment_token() -> None:
    """Store the environment's `GITHUB_TOKEN` in Postgres; delete it if it was unset."""
    secret = settings.GITHUB_TOKEN
    adopted = GitHubToken.objects.filter(from_environment=True).first()
    if (str(adopted.secret) if adopted else "") == secret:
        return  # the usual case
    with transaction.atomic():
        stored = GitHubToken.objects.select_for_update().filter(from_environment=True).first()
        if stored and stored.secret != secret:
            stored.delete()
            # The former token may be the demo's, whose stars and releases are invented.
            # Housekeeping fetches the facts of exporters without this time.
            Exporter.objects.update(facts_at=None)
        if secret:
            # Two runs may start at once: the second finds the row of the first.
            values = {"name": "GITHUB_TOKEN (environment)", "secret": secret}
            GitHubToken.objects.get_or_create(from_environment=True, defaults=values)


def unreadable_tokens() -> list[str]:
    """Return the names of the tokens that the hub's keys cannot decrypt."""
    return [token.name for token in GitHubToken.objects.all() if not token.is_readable]


def ask_again() -> None:
    """Retry the tokens that GitHub rejected in the last run: a valid token may get a 401.

    Call it when a run starts. After `MAX_REFUSALS` runs in a row, a token stays invalid until it
    gets a new value or a worker starts (`forget_refusals`).
    """
    refused = GitHubToken.objects.filter(refusals__lt=GitHubToken.MAX_REFUSALS)
    refused.filter(state=TokenState.INVALID).update(state=TokenState.UNKNOWN)


def forget_refusals() -> None:
    """Retry every token that GitHub rejected. Call it when a worker starts."""
    GitHubToken.objects.filter(refusals__gt=0).update(state=TokenState.UNKNOWN, refusals=0)


class TokenPool:
    """Chooses among the tokens in Postgres. Thread-safe; one per process."""

    def __init__(self) -> None:
        # By `Token`, not by row: an admin may replace a row's secret with that of another account.
        self._newest: dict[tuple[Token, Resource], Quota] = {}
        self._written: dict[tuple[Token, Resource], float] = {}
        self._lock = threading.Lock()

    def choose(self, resource: Resource = Resource.CORE) -> Token:
        """Return the usable token with the most requests left for a resource.

        Raises `NoToken` (none configured), `WrongKey` (none can be decrypted), `BadToken` (GitHub
        rejected all of them), `RateLimited` or `SecondaryLimited` (all valid tokens must wait, the
        first one until `reset_at`).
        """
        tokens = list(GitHubToken.objects.all())
        if not tokens:
            raise NoToken("no GitHub token")
        readable = [token for token in tokens if token.is_readable]
        if not readable:
            raise WrongKey(", ".join(token.name for token in tokens))
        valid = [token for token in readable if token.state != TokenState.INVALID]
        if not valid:
            raise BadToken("GitHub rejects every token")
        free = [token for token in valid if not token.is_blocked]
        if not free:
            until = min(token.blocked_until for token in valid if token.blocked_until)
            raise SecondaryLimited("secondary rate limit of every token", until)
        quotas = {token: self._quota(token, resource) for token in free}
        left = {
            token: quota.remaining if quota and is_pending(quota.reset_at) else float("inf")
            for token, quota in quotas.items()
        }
        best = max(free, key=left.__getitem__)
        if left[best] <= 0:
            reset_at = min(quota.reset_at for quota in quotas.values() if quota)
            raise RateLimited(f"GitHub's {resource.label} rate limit is used up", reset_at)
        return Token(best.pk, str(best.secret), best.label)

    def is_half_left(self) -> bool:
        """Return whether the next token has at least half of its REST requests left.

        Raises the errors of `choose`.
        """
        row = GitHubToken.objects.filter(pk=self.choose().id).first()
        quota = self._quota(row, Resource.CORE) if row else None
        return not quota or not is_pending(quota.reset_at) or quota.remaining * 2 >= quota.limit

    def _quota(self, token: GitHubToken, resource: Resource) -> Quota | None:
        """Return the newest quota in Postgres or this process's memory.

        Without one in Postgres the row is new, or its secret is.
        """
        stored = token.quota(resource)
        cached = self._newest.get((Token(token.pk, str(token.secret)), resource))
        if stored is None or cached is None:
            return stored
        # A later reset means a newer hour. Within one hour, the smaller `remaining` is newer; reset
        # times of the same hour may differ by about a second.
        if abs(stored.reset_at - cached.reset_at) < _SAME_WINDOW:
            return min(stored, cached, key=lambda quota: quota.remaining)
        return max(stored, cached, key=lambda quota: quota.reset_at)

    def record_success(
        self, token: Token, quota: Quota | None, expires_at: datetime | None
    ) -> None:
        """Record what a successful response says about the token.

        `quota` is None if the server has no rate limits, `expires_at` if the token never expires.
        """
        if quota is None:
            unknown = GitHubToken.objects.filter(pk=token.id, state=TokenState.UNKNOWN)
            unknown.update(state=TokenState.VALID, refusals=0, expires_at=expires_at)
            return
        key = (token, quota.resource)
        with self._lock:
            self._newest[key] = quota
            if quota.remaining and monotonic() - self._written.get(key, 0.0) < _WRITE_INTERVAL:
                return
            self._written[key] = monotonic()
        known = {"state": TokenState.VALID, "refusals": 0, "expires_at": expires_at}
        self._write(token, quota, used_at=clock.now(), **known)

    def mark_invalid(self, token: Token) -> None:
        """Mark a token as invalid for the rest of the run, after a 401."""
        row = GitHubToken.objects.filter(pk=token.id).exclude(state=TokenState.INVALID)
        row.update(state=TokenState.INVALID, refusals=F("refusals") + 1, used_at=clock.now())

    def mark_exhausted(self, token: Token, resource: Resource, reset_at: datetime) -> None:
        """Record that the rate limit of a resource is used up until `reset_at`."""
        row = GitHubToken.objects.filter(pk=token.id).first()
        with self._lock:
            known = self._quota(row, resource) if row else None
            quota = Quota(resource, known.limit if known else 0, 0, reset_at)
            self._newest[token, resource] = quota
        self._write(token, quota)

    def block(self, token: Token, until: datetime) -> None:
        """Do not use a token before `until`, after a secondary rate limit."""
        GitHubToken.objects.filter(pk=token.id).update(blocked_until=until)

    def _write(self, token: Token, quota: Quota, **others: object) -> None:
        values = (quota.limit, quota.remaining, quota.reset_at)
        fields = dict(zip(quota_fields(quota.resource), values, strict=True))
        GitHubToken.objects.filter(pk=token.id).update(**fields, **others)


@cache
def shared_pool() -> TokenPool:
    """Return this process's pool."""
    return TokenPool()
