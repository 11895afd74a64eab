"""For whom a failed sign-in counts, and for how long; django-axes' settings name the functions."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

UNKNOWN = "0.0.0.0"  # noqa: S104 — no address to bind to
_SUBSCRIBER_PREFIX = 64  # RFC 6177, RFC 7421: the smallest network that a subscriber gets


def address_of(request: HttpRequest) -> str:
    """The client's address; `config.wsgi` has evaluated trusted proxies."""
    return counted_as(request.META.get("REMOTE_ADDR", ""))


def counted_as(address: str) -> str:
    """An IPv4 address as it is, for IPv6 its subscriber's network; `UNKNOWN` for an invalid one."""
    try:
        parsed = ip_address(address.partition("%")[0])  # without a zone ("%eth0")
    except ValueError:
        return UNKNOWN
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed, _SUBSCRIBER_PREFIX), strict=False).network_address)


def name_of(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """An account's name; of any other a digest, for it may be a mistyped password."""
    name = str((credentials or request.POST).get("username") or "")
    if "\0" not in name and User.objects.filter(username=name).exists():
        return name
    return f"no account ({salted_hmac('hub.accounts', name).hexdigest()[:12]})"


def in_words(name: str, address: str, *_: object) -> str:
    """Who failed, for the log."""
    return f"{name!r} from {address}"


def locked_until(
    attempts: Iterable[tuple[datetime, int]], limit: int, cool_off: timedelta
) -> datetime | None:
    """When fewer than `limit` failures will count; None if that is so now.

    `attempts`: the last time and the number of failures, oldest first. A row counts until
    `cool_off` after its last time.
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


def end_of_lock(attempts: QuerySet[AccessAttempt]) -> datetime | None:
    """Until when these attempts of one name and address lock it."""
    return locked_until(
        attempts.order_by("attempt_time").values_list("attempt_time", "failures_since_start"),
        settings.AXES_FAILURE_LIMIT,
        settings.AXES_COOLOFF_TIME,
    )


def forget_old() -> None:
    """Delete failures that no longer count, with the names and addresses of people."""
    before = timezone.now() - settings.AXES_COOLOFF_TIME
    AccessAttempt.objects.filter(attempt_time__lt=before).delete()
