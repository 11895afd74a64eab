"""For whom a failed sign-in counts, and for how long; django-axes calls it by its settings."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from hub.accounts.client_address import counted_as


def address_of(request: HttpRequest) -> str:
    """Where the request comes from; a trusted proxy's word is in it already (`config.wsgi`)."""
    return counted_as(request.META.get("REMOTE_ADDR", ""))


def name_of(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """The name to count for: an account's own; of any other a digest.

    For what is typed into the field of the name is now and then the password.
    """
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
    """When fewer than `limit` failures count again; None when that is so now. Pure.

    `attempts`: the last time and the number of failures, oldest first. Each row counts until
    `cool_off` has passed since its last time.
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
    """Until when these attempts, all of one name and address, lock it."""
    return locked_until(
        attempts.order_by("attempt_time").values_list("attempt_time", "failures_since_start"),
        settings.AXES_FAILURE_LIMIT,
        settings.AXES_COOLOFF_TIME,
    )


def forget_old() -> None:
    """Delete failures that count no more: names and addresses of people are not kept longer."""
    AccessAttempt.objects.filter(
        attempt_time__lt=timezone.now() - settings.AXES_COOLOFF_TIME
    ).delete()
