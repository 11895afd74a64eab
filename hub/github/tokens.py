"""Which token to ask with, and what GitHub says of each.

Tokens and their limits live in Postgres. Because 32 threads would queue for one row if each answer
were written, a process keeps the newest limits in memory and writes them once a second; as often it
reads what the others have written.
"""

import contextlib
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hub.github.errors import BadToken, GitHubError, NoToken, RateLimited, SecondaryLimited
from hub.models import GitHubToken, TokenState

_WRITE_EVERY = _READ_EVERY = 1.0  # seconds
ENVIRONMENT_NAME = "GITHUB_TOKEN (environment)"


@dataclass(frozen=True)
class Token:
    """A token as the client needs it. Its secret never shows in a repr, so in no log line."""

    id: int
    secret: str = field(repr=False)


@dataclass(frozen=True)
class RateLimit:
    """`x-ratelimit-*` of one answer."""

    limit: int
    remaining: int
    reset_at: datetime


def adopt_environment_token() -> None:
    """Make Postgres hold `GITHUB_TOKEN` of the environment, and forget it when it was removed."""
    secret = settings.GITHUB_TOKEN
    adopted = GitHubToken.objects.filter(from_environment=True).first()
    if (str(adopted.secret) if adopted else "") == secret:
        return  # as nearly always
    with transaction.atomic():
        kept = GitHubToken.objects.select_for_update().filter(from_environment=True).first()
        if kept and kept.secret != secret:
            kept.delete()
            kept = None
        if secret and not kept:
            # Two runs may begin at once: the second finds what the first has made.
            GitHubToken.objects.get_or_create(
                from_environment=True, defaults={"name": ENVIRONMENT_NAME, "secret": secret}
            )


class TokenPool:
    """Chooses among the tokens in Postgres; thread-safe, one a process."""

    def __init__(self) -> None:
        self._seen: dict[int, RateLimit] = {}
        self._written: dict[int, float] = {}
        self._read: tuple[float, list[GitHubToken]] | None = None  # when, and what there was
        self._changes = 0  # that this process has written
        self._lock = threading.Lock()

    def choose(self, *, afresh: bool = False) -> Token:
        """The usable token with most requests left, as Postgres has them or had a second ago.

        `afresh` is for who keeps something under the token's id, and for a first request. Raises
        `NoToken` (there is none), `BadToken` (GitHub refused all), `RateLimited` or
        `SecondaryLimited` (all others must wait; until the earliest of their times).
        """
        with self._lock:
            read, changes = self._read, self._changes
            if read is not None and not afresh and monotonic() - read[0] >= _READ_EVERY:
                # One thread reads again, the others go on meanwhile.
                self._read = monotonic(), read[1]
                read = None
        if read is not None and not afresh:
            with contextlib.suppress(GitHubError):  # somebody may have added one since
                return self._choose(read[1])
        tokens = list(GitHubToken.objects.all())
        with self._lock:
            if changes == self._changes:
                self._read = monotonic(), tokens
        return self._choose(tokens)

    def _choose(self, tokens: list[GitHubToken]) -> Token:
        now = timezone.now()
        if not tokens:
            raise NoToken("no GitHub token")
        valid = [token for token in tokens if token.state != TokenState.INVALID]
        if not valid:
            raise BadToken("GitHub refuses every token")
        blocked = [t.blocked_until for t in valid if t.blocked_until and t.blocked_until > now]
        free = [t for t in valid if not (t.blocked_until and t.blocked_until > now)]
        if not free:
            raise SecondaryLimited("GitHub asked to wait", min(blocked))
        left = {token.id: self._left(token, now) for token in free}
        best = max(free, key=lambda token: left[token.id])
        if left[best.id] <= 0:
            resets = [t.reset_at for t in free if t.reset_at]
            raise RateLimited(
                "GitHub's requests of this hour are used up", min(resets, default=now)
            )
        return Token(best.id, str(best.secret))

    def _left(self, token: GitHubToken, now: datetime) -> float:
        """Requests left for `token`: the newest that this process or Postgres knows."""
        seen = self._seen.get(token.id)
        limits = [(seen.reset_at, seen.remaining)] if seen else []
        if token.reset_at and token.remaining is not None:
            limits.append((token.reset_at, token.remaining))
        newest = [(reset, left) for reset, left in limits if reset > now]
        if not newest:
            return float("inf")
        window = max(reset for reset, _ in newest)
        return min(left for reset, left in newest if reset == window)

    def answered(self, token: Token, rate: RateLimit | None) -> None:
        """GitHub took `token`; `rate` is what it said of the limits."""
        with self._lock:
            if rate:
                self._seen[token.id] = rate
            due = monotonic() - self._written.get(token.id, 0.0) >= _WRITE_EVERY
            if not (due or (rate and rate.remaining == 0)):
                return
            self._written[token.id] = monotonic()
        fields: dict[str, object] = {"state": TokenState.VALID, "used_at": timezone.now()}
        if rate:
            fields |= {"limit": rate.limit, "remaining": rate.remaining, "reset_at": rate.reset_at}
        GitHubToken.objects.filter(pk=token.id).update(**fields)

    def refused(self, token: Token) -> None:
        """GitHub answered 401: this token is invalid, and just this one."""
        GitHubToken.objects.filter(pk=token.id).update(
            state=TokenState.INVALID, used_at=timezone.now()
        )
        self._changed()

    def used_up(self, token: Token, reset_at: datetime) -> None:
        """The primary limit is reached until `reset_at`."""
        with self._lock:
            seen = self._seen.get(token.id)
            self._seen[token.id] = RateLimit(seen.limit if seen else 0, 0, reset_at)
        GitHubToken.objects.filter(pk=token.id).update(remaining=0, reset_at=reset_at)
        self._changed()

    def blocked(self, token: Token, until: datetime) -> None:
        """A secondary limit: do not use `token` before `until`."""
        GitHubToken.objects.filter(pk=token.id).update(blocked_until=until)
        self._changed()

    def _changed(self) -> None:
        """Let the next choice see what was just written, whoever has read meanwhile."""
        with self._lock:
            self._read, self._changes = None, self._changes + 1


def wait_after_secondary(retry_after: int | None, now: datetime) -> datetime:
    """When to ask again: GitHub's `retry-after`, but never sooner than in a minute."""
    return now + timedelta(seconds=max(60, retry_after or 0))


def reset_time(header: str | None, now: datetime) -> datetime:
    """`x-ratelimit-reset` (epoch seconds) as a time; a minute ahead when it is missing or odd."""
    try:
        return datetime.fromtimestamp(int(header or ""), UTC)
    except (ValueError, OverflowError, OSError):
        return now + timedelta(minutes=1)


@cache
def shared_pool() -> TokenPool:
    """The process's pool."""
    return TokenPool()
