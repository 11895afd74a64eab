"""django-axes' handler, which also limits the failed sign-ins from one address with any names."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import QuerySet, Sum
from django.http import HttpRequest

from hub.accounts.login_throttle import lockout_end

# The limit for an address is this many times the limit for one name at one address: everyone behind
# the same router shares an address.
ADDRESS_FACTOR = 10


class FailuresByAddress(AxesDatabaseHandler):
    """Counts the failures of an address too, so that new names do not allow new attempts."""

    def get_failures(self, request: HttpRequest, credentials: Any = None) -> int:
        """Return the failures with this name or, if it is larger, the address's share."""
        total = _of_address(request).aggregate(total=Sum("failures_since_start"))["total"] or 0
        return int(max(super().get_failures(request, credentials), total // ADDRESS_FACTOR))


def locked_until(request: HttpRequest, credentials: Mapping[str, Any] | None) -> datetime | None:
    """Return when the request's name and address can sign in again; None if they can now."""
    [attempts] = FailuresByAddress().get_user_attempts(request, credentials)
    limit = settings.AXES_FAILURE_LIMIT
    ends = (
        lockout_end(attempts, limit),
        lockout_end(_of_address(request), limit * ADDRESS_FACTOR),
    )
    return max((end for end in ends if end), default=None)


def _of_address(request: HttpRequest) -> QuerySet[AccessAttempt]:
    attempts: QuerySet[AccessAttempt] = AccessAttempt.objects.filter(
        ip_address=request.axes_ip_address,  # type: ignore[attr-defined] # set by django-axes
        attempt_time__gte=get_cool_off_threshold(request),
    )
    return attempts
