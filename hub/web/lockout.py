"""The response to a sign-in that is locked out."""

import math
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse

from hub import clock
from hub.accounts.axes_handler import locked_until
from hub.web.error_pages import refuse


def response(
    request: HttpRequest, _original: HttpResponse | None, credentials: Mapping[str, Any] | None
) -> HttpResponse:
    """Return 429, as a page or as JSON, with the time until the lock ends; for django-axes."""
    until = locked_until(request, credentials)
    # `until` is None if an administrator has removed the lock in the meantime.
    seconds = max(1, math.ceil((until - clock.now()).total_seconds())) if until else 1
    minutes = math.ceil(seconds / 60)
    detail = (
        f"Too many failed sign-ins from your address. Try again in {minutes} min "
        f"(Retry-After: {seconds} s), or ask an administrator to remove the lock."
    )
    answer = refuse(request, 429, detail, "429.html", minutes=minutes)
    answer["Retry-After"] = str(seconds)
    answer["Cache-Control"] = "no-store"
    return answer
