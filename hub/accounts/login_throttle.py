"""Callables that tell django-axes which client and user a failed sign-in counts against."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from hub import clock

UNKNOWN = "0.0.0.0"  # noqa: S104 — not an address to bind to
_SUBSCRIBER_PREFIX = 64  # RFC 6177, RFC 7421: the smallest network an ISP assigns


def client_key(request: HttpRequest) -> str:
    """Return the client's throttle key. `config.server` has already resolved trusted proxies."""
    return throttle_key(request.META.get("REMOTE_ADDR", ""))


def throttle_key(address: str) -> str:
    """Return an IPv4 address unchanged, the /64 network of an IPv6 address, or `UNKNOWN`."""
    try:
        parsed = ip_address(address.partition("%")[0])  # without a zone ("%eth0")
    except ValueError:
        return UNKNOWN
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed, _SUBSCRIBER_PREFIX), strict=False).network_address)


def username_key(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """Return the username of an existing account, or a digest: it may be a mistyped password."""
    name = str((credentials or request.POST).get("username") or "")
    if "\0" not in name and User.objects.filter(username=name).exists():
        return name
    return f"no account ({salted_hmac('hub.accounts', name).hexdigest()[:12]})"


def describe_attempt(name: str, address: str, *_: object) -> str:
    """Return the user and address of a failed sign-in, for the log."""
    return f"{name!r} from {address}"


def counted_until(
    attempts: Iterable[tuple[datetime, int]], limit: int, cool_off: timedelta
) -> datetime | None:
    """Return when the number of counted failures drops below `limit`; None if it already is.

    `attempts`: (time of the last failure, failures), oldest first. Each counts for `cool_off`.
    """
    rows = list(attempts)
    left = sum(failures for _, failures in rows)
    if left < limit:
        return None
    for last, failures in rows:
        left -= failures
        if left < limit:
            return last + cool_off
    return None


def lockout_end(attempts: QuerySet[AccessAttempt], limit: int) -> datetime | None:
    """Return when fewer than `limit` of these failed attempts still count; None if they do now."""
    rows = attempts.order_by("attempt_time").values_list("attempt_time", "failures_since_start")
    return counted_until(rows, limit, settings.AXES_COOLOFF_TIME)


def delete_expired_attempts() -> None:
    """Delete attempts that no longer count: they contain personal data (names, addresses)."""
    now, cool_off = clock.now(), settings.AXES_COOLOFF_TIME
    # A later attempt was stored by a clock that was ahead: it would lock out its user for too long.
    counting = (now - cool_off, now + cool_off)
    AccessAttempt.objects.exclude(attempt_time__range=counting).delete()
