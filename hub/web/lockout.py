"""The response to a sign-in that is locked out."""

import math
from collections.abc import Mapping
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from django.http import HttpRequest, HttpResponse

from hub import clock
from hub.accounts.login_throttle import lockout_end
from hub.web.error_pages import refuse


def response(
    request: HttpRequest, _original: HttpResponse | None, credentials: Mapping[str, Any] | None
) -> HttpResponse:
    """Return 429, as a page or as JSON, with the time until the lock ends; for django-axes."""
    [attempts] = AxesDatabaseHandler().get_user_attempts(request, credentials)
    until = lockout_end(attempts)
    # `until` is None if an administrator has removed the lock in the meantime.
    seconds = max(1, math.ceil((until - clock.now()).total_seconds())) if until else 1
    minutes = math.ceil(seconds / 60)
    detail = (
        "Too many failed sign-ins with this name from your address. Try again in "
        f"{minutes} min (Retry-After: {seconds} s), or ask an administrator to remove the lock."
    )
    answer = refuse(request, 429, detail, "429.html", minutes=minutes)
    answer["Retry-After"] = str(seconds)
    answer["Cache-Control"] = "no-store"
    return answer
